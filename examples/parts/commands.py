"""The first part of the tour: tensors.py, statement by statement, each beside what it prints."""

import ast
import contextlib
import io
from pathlib import Path

from .terminal import beside, heading, highlight, paint, say, width, wrap

PROGRAM = Path(__file__).parents[1] / "tensors.py"


def show():
    """Runs the program and shows its code, its comments and its results."""
    heading("1  Tensors")
    say("This is examples/tensors.py, run as you read: code, and what it has just printed.")
    print()
    variables = {"__name__": "__main__"}
    for comments, code, statement in statements(PROGRAM.read_text(encoding="utf-8")):
        explain(comments)
        beside([(highlight(code), printed(statement, variables))])


def statements(source):
    """(the comments above, the text, the syntax tree) of each statement of a program but its docstring."""
    lines = source.splitlines()
    docstring, *others = ast.parse(source).body
    done = docstring.end_lineno
    for statement in others:
        yield lines[done : statement.lineno - 1], lines_of(lines, statement), statement
        done = statement.end_lineno


def lines_of(lines, statement):
    """A statement as it stands in the file."""
    return "\n".join(lines[statement.lineno - 1 : statement.end_lineno])


def printed(statement, variables):
    """What a statement prints, run with the variables of those before it."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(ast.Module([statement], []), str(PROGRAM), "exec"), variables)
    return output.getvalue()


def explain(comments):
    """Shows the comments above a statement: a line with %% is a title, the others say what comes."""
    words = []
    for line in comments:
        if line.startswith("# %%"):
            print(f"\n  {paint(line[5:], 'bold')}")
        elif line:
            words.append(line[2:])
    if words:
        print()
    for line in wrap(" ".join(words), width() - 4) if words else []:
        print(f"  {paint(line, 'comment')}")
