import os
def binary(): return os.environ.get("MOX_BINARY", "build/mox")
def require_binary():
    if not os.access(binary(), os.X_OK): raise AssertionError("no mox")
