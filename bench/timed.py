#!/usr/bin/env python3
"""How long a command takes, and its peak memory. Usage: timed.py FILE COMMAND... writes FILE (seconds) and FILE_mb"""
import resource
import subprocess
import sys
import time

begun = time.monotonic()
subprocess.run(sys.argv[2:], check=True)
took = time.monotonic() - begun
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
for name, value in (("", f"{took:.2f}"), ("_mb", f"{peak:.0f}")):
    with open(sys.argv[1] + name, "w") as file:
        file.write(value)
