"""What is loaded when a process starts to work costs no collection any more; what comes later is collected as ever."""

import subprocess
import sys

_PROGRAM = """
import gc, weakref
import sqlalchemy
from reliability.loaded_code import leave_alone_what_is_loaded

class Node:
    pass

def circle():
    node = Node()
    node.me = node
    return weakref.ref(node)

before = circle()
leave_alone_what_is_loaded()
after = circle()
known = gc.get_freeze_count()
looked_at = len(gc.get_objects())
gc.collect()
print(before() is None, after() is None, known > 50 * looked_at)
"""


def test_what_was_loaded_before_is_not_looked_at_again_and_circles_go_before_and_after():
    found = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["True", "True", "True"]
