import builtins
import ast


def run(text, model, frame):
    # ruleid: llm-eval
    eval(text)
    # ruleid: llm-eval
    exec(f"x = {text}")
    # ruleid: llm-eval
    eval(compile(text, "x", "eval"), {})
    # ruleid: llm-eval
    builtins.exec(text)
    # ruleid: llm-eval
    getattr(builtins, "eval")(text)
    # ok: llm-eval
    eval("1 + 1")
    # ok: llm-eval
    ast.literal_eval(text)
    # ok: llm-eval
    model.eval()
    # ok: llm-eval
    frame.eval("a + b")
