async def run(redis, event, options, limit):
    # ruleid: llm-xadd-without-maxlen
    await redis.xadd("orders", event)
    # ruleid: llm-xadd-without-maxlen
    redis.xadd("orders", {"id": "1"}, id="*")
    # ruleid: llm-xadd-without-maxlen
    redis.xadd("orders", event, maxlen=None)
    # ruleid: llm-xadd-without-maxlen
    redis.pipeline().xadd("orders", event)
    # ruleid: llm-xadd-without-maxlen
    redis.execute_command("XADD", "orders", "*", "id", "1")
    # ok: llm-xadd-without-maxlen
    await redis.xadd("orders", event, maxlen=10_000, approximate=True)
    # ok: llm-xadd-without-maxlen
    redis.xadd("orders", event, minid=limit)
    # ok: llm-xadd-without-maxlen
    redis.xadd("orders", event, "*", 10_000)
    # ok: llm-xadd-without-maxlen
    redis.xadd("orders", event, **options)
    # ok: llm-xadd-without-maxlen
    redis.execute_command("XADD", "orders", "MAXLEN", "~", 1000, "*", "id", "1")
    # ok: llm-xadd-without-maxlen
    redis.execute_command("GET", "orders")
