"""Verifies the signature of a mail: `verify_dkim.py NAME RECORD < mail`, where RECORD is what DNS would have under NAME."""

import sys

import dkim

name, record = (argument.encode() for argument in sys.argv[1:])
mail = sys.stdin.buffer.read().replace(b"\n", b"\r\n")


def published(asked, timeout=5):
    return record if asked.rstrip(b".") == name else None


sys.exit(0 if dkim.verify(mail, dnsfunc=published) else 1)
