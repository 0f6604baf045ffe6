#!/usr/bin/env python3
"""Transfers as a binary batch of the ledger, with the standard library alone.

Shows the bytes of one transfer:          ledger-batch.py
Names the results in an answer's bytes:   ledger-batch.py < answer
A service that Strongroom runs sends them (its charter must call ledger.createTransfers):

    connection = UnixConnection(os.environ["STRONGROOM_CALL"])
    connection.request("POST", "/v1/transfers", batch([...]), {"Host": "ledger", "Content-Type": TYPE})

The format is said byte by byte in Sources/Contracts/LedgerAPI/BINARY.md.
"""
import datetime
import http.client
import socket
import struct
import sys
import uuid

TYPE = "application/vnd.strongroom.ledger-batch"
FLAGS = ["linked", "pending", "post_pending", "void_pending",
         "balancing_debit", "balancing_credit", "closing_debit", "closing_credit"]
ABSENT_AMOUNT, ABSENT_DAY = -2**63, -2**31


def number(name):
    return uuid.UUID(name).int.to_bytes(16, "little") if name else bytes(16)


def record(transfer):
    day = transfer.get("booked_on")
    days = (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days if day else ABSENT_DAY
    names = ["id", "debit_account_id", "credit_account_id", "pending_id", "payment_id", "correlation_id"]
    return b"".join(number(transfer.get(name)) for name in names) + struct.pack(
        "<qIiHHHHQ", transfer.get("amount", ABSENT_AMOUNT), transfer.get("timeout_seconds", 0), days,
        transfer.get("code", 0), transfer.get("currency", 0),
        sum(1 << FLAGS.index(flag) for flag in transfer.get("flags", [])), 0, 0)


def batch(transfers):
    return struct.pack("<4sHHII", b"SRLB", 1, 1, len(transfers), 0) + b"".join(map(record, transfers))


def results(answer):
    magic, version, kind, count, zeros = struct.unpack_from("<4sHHII", answer)
    if (magic, version, kind, zeros, len(answer)) != (b"SRLB", 1, 0x8001, 0, 16 + 2 * count):
        raise ValueError("not an answer to a batch of transfers")
    return struct.unpack_from(f"<{count}H", answer, 16)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("ledger")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


if __name__ == "__main__":
    answer = b"" if sys.stdin.isatty() else sys.stdin.buffer.read()
    if answer:
        print(*results(answer))
    else:
        print(batch([{
            "id": "0193501d-7b00-7a3c-9d2e-000000000010",
            "debit_account_id": "0193501d-7b00-7a3c-9d2e-0000000000b2",
            "credit_account_id": "0193501d-7b00-7a3c-9d2e-0000000000a1",
            "amount": 1250, "currency": 978, "code": 1, "booked_on": "2026-11-20",
            "timeout_seconds": 600, "flags": ["linked", "pending"],
        }]).hex(" ", 16))
