#!/usr/bin/env python3
"""Compares the example `iso8583` with pyiso8583, both ways, on random messages.

usage: pyiso8583.py PROGRAM [MESSAGES] [SEED]

Lengths come from pyiso8583's own table; which fields are numeric, tracks or binary is said here.
Not compared: field 65, which pyiso8583 takes for a third bitmap, and what is packed beside a sign,
which it cannot express.
"""

import copy
import json
import random
import string
import subprocess
import sys
import tempfile

import iso8583
from iso8583.specs import default

NUMERIC = {
    *range(2, 28), 32, 33, 34, 53, *range(66, 91), 99, 100,
}
SIGNED = {28, 29, 30, 31, 97}
TRACKS = {35, 36}
BINARY = {52, 55, 64, 96, 128}
PRINTABLE = {41, 42, 43, 44, 45, 46, 47, 48, *range(56, 64), 98, *range(101, 128)}
SHORTER = {54: 120}
FIELDS = [number for number in range(2, 129) if number != 65]


def limit(number):
    return SHORTER.get(number, default[str(number)]["max_len"])


def is_fixed(number):
    return default[str(number)]["len_type"] == 0


def ascii_spec():
    """Everything as characters."""
    spec = copy.deepcopy(default)
    for key, size in {"p": 16, "1": 16}.items():
        spec[key].update(data_enc="ascii", max_len=size)
    for number in BINARY:
        spec[str(number)].update(data_enc="ascii", max_len=2 * limit(number))
    return spec


def raw_spec():
    """Characters, with bitmaps and binary fields as bytes: pyiso8583's own default."""
    return copy.deepcopy(default)


def packed_spec(pad):
    spec = copy.deepcopy(default)
    spec["t"].update(data_enc="b", max_len=2)
    for number in FIELDS:
        field = spec[str(number)]
        if not is_fixed(number):
            field.update(len_enc="bcd", len_type={2: 1, 3: 2}[field["len_type"]])
        if number in NUMERIC | TRACKS:
            field.update(data_enc="b", len_count="nibbles")
            field[f"{pad}_pad"] = "0"
    return spec


def content(rng, number, packed):
    most = limit(number)
    size = most if is_fixed(number) else rng.choice([0, 1, most, rng.randint(0, most)])
    if number in BINARY:
        return rng.randbytes(size).hex().upper()
    if number in SIGNED:
        return rng.choice("CD") + "".join(rng.choices(string.digits, k=size - 1))
    if number in NUMERIC:
        alphabet = string.digits
    elif number in TRACKS:
        alphabet = string.digits + ("D" if packed else "=")
    elif number in PRINTABLE:
        alphabet = [chr(code) for code in range(0x20, 0x7F)]
    else:
        alphabet = string.ascii_letters + string.digits + " "
    return "".join(rng.choices(alphabet, k=size))


def message(rng, packed):
    """A type and fields, as the example's JSON has them."""
    chosen = sorted(rng.sample(FIELDS, rng.choice([0, 1, 5, 15, 40, len(FIELDS)])))
    fields = {str(number): content(rng, number, packed) for number in chosen}
    return {"mti": "".join(rng.choices(string.digits, k=4)), "fields": fields}


def run(program, command, lines, options):
    done = subprocess.run(
        [program, command, *options], input="\n".join(lines) + "\n", text=True, capture_output=True, check=True
    )
    answers = done.stdout.splitlines()
    assert len(answers) == len(lines), f"{len(lines)} lines in, {len(answers)} out: {done.stderr}"
    return answers


def check(program, name, spec, packed, options, count, rng):
    messages = [message(rng, packed) for _ in range(count)]
    theirs = []
    for one in messages:
        encoded, _ = iso8583.encode({"t": one["mti"], **one["fields"]}, spec)
        theirs.append(encoded.hex())
    for one, answer in zip(messages, run(program, "describe", theirs, options)):
        assert json.loads(answer) == one, f"{name}: describe\n{answer}\n{json.dumps(one)}"
    ours = run(program, "build", [json.dumps(one) for one in messages], options)
    for one, wire, expected in zip(messages, ours, theirs):
        assert wire == expected, f"{name}: build\n{wire}\n{expected}"
        decoded, _ = iso8583.decode(bytes.fromhex(wire), spec)
        seen = {key: value for key, value in decoded.items() if key not in ("t", "p", "1", "h")}
        assert seen == one["fields"] and decoded["t"] == one["mti"], f"{name}: decode\n{wire}"
    print(f"{name}: {count} messages agree both ways")


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 8583)
    left = "".join(f'[field.{number}]\npad = "left"\n' for number in sorted(NUMERIC | TRACKS))
    raw = 'bitmaps = "raw"\n' + "".join(f'[field.{number}]\nform = "raw"\n' for number in sorted(BINARY))
    with tempfile.TemporaryDirectory() as folder:
        profiles = {}
        for name, text in {"left": left, "raw": raw}.items():
            profiles[name] = f"{folder}/{name}.toml"
            with open(profiles[name], "w", encoding="utf-8") as file:
                file.write(text)
        ascii_options, bcd_options = ["--encoding", "ascii"], ["--encoding", "bcd"]
        check(program, "ascii", ascii_spec(), False, ascii_options, count, rng)
        check(program, "bcd", packed_spec("right"), True, bcd_options, count, rng)
        with_left = [*bcd_options, "--profile", profiles["left"]]
        check(program, "bcd filled on the left", packed_spec("left"), True, with_left, count, rng)
        with_raw = [*ascii_options, "--profile", profiles["raw"]]
        check(program, "ascii with bytes", raw_spec(), False, with_raw, count, rng)


main()
