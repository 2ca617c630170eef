import logging


def run(work, items):
    # ruleid: llm-bare-except
    try:
        work()
    except:
        return None

    # ruleid: llm-bare-except
    try:
        work()
    except Exception:
        pass

    # ruleid: llm-bare-except
    try:
        work()
    except BaseException as error:
        pass

    for item in items:
        # ruleid: llm-bare-except
        try:
            work(item)
        except Exception:
            continue

    # ruleid: llm-bare-except
    try:
        work()
    except ValueError:
        logging.warning("no value")
    except:
        logging.warning("failed")

    # ruleid: llm-bare-except
    try:
        work()
    except Exception:
        ...

    # ok: llm-bare-except
    try:
        work()
    except:
        logging.warning("failed")
        raise

    # ok: llm-bare-except
    try:
        work()
    except ValueError:
        pass

    # ok: llm-bare-except
    try:
        work()
    except Exception:
        logging.exception("failed")

    # ok: llm-bare-except
    try:
        work()
    except Exception as error:
        raise RuntimeError("work") from error
