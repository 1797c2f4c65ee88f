#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Tuffet authors
"""Makes vectors.txt: edits and the revision ids that CouchDB gives them.

    recorded.txt  answers of a CouchDB 3.5.0 server; never edited
    vectors.txt   recorded.txt, plus shapes computed here

A line is: revision TAB deleted (0 or 1) TAB parent or - TAB md5 of each attachment in document
order, comma separated, or - TAB document text. In the text <<N*piece>> stands for N times the piece.

This is an independent second implementation of the rule (Erlang's external term format under MD5);
it shares nothing with the C code. It stops if it disagrees with a recorded line.
"""
import base64
import hashlib
import json
import pathlib
import re
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
BODY_SPECIALS = {
    "_replication_state",
    "_replication_state_time",
    "_replication_state_reason",
    "_replication_id",
    "_replication_stats",
}


class Float:
    """A float as CouchDB's decoder reads it."""

    def __init__(self, text):
        self.value = float(text)
        subnormal = abs(self.value) < 2.0**-1022 and re.search("[1-9]", re.split("[eE]", text)[0])
        if "." not in text and (subnormal or len(text) >= 32):
            mantissa, exponent = re.split("[eE]", text)
            self.value = float(mantissa) * 10.0 ** int(exponent)


class Object:
    """Members in order; of equal keys the last stays, at its own place."""

    def __init__(self, pairs):
        last = {}
        for position, (key, _) in enumerate(pairs):
            last[key] = position
        self.pairs = [pair for position, pair in enumerate(pairs) if last[pair[0]] == position]


def binary(data):
    return b"m" + struct.pack(">I", len(data)) + data


def atom(name):
    return b"d" + struct.pack(">H", len(name)) + name


def integer(value):
    if 0 <= value <= 255:
        return b"a" + bytes([value])
    if -(2**31) <= value < 2**31:
        return b"b" + struct.pack(">i", value)
    magnitude = abs(value)
    size = (magnitude.bit_length() + 7) // 8
    header = b"n" + bytes([size]) if size <= 255 else b"o" + struct.pack(">I", size)
    return header + bytes([value < 0]) + magnitude.to_bytes(size, "little")


def listing(items):
    if not items:
        return b"j"
    return b"l" + struct.pack(">I", len(items)) + b"".join(items) + b"j"


def is_byte(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255


def term(value):
    if value is None:
        return atom(b"null")
    if isinstance(value, bool):
        return atom(b"true" if value else b"false")
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, Float):
        return b"F" + struct.pack(">d", value.value)
    if isinstance(value, str):
        return binary(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list):
        if 0 < len(value) <= 65535 and all(is_byte(item) for item in value):
            return b"k" + struct.pack(">H", len(value)) + bytes(value)
        return listing([term(item) for item in value])
    pairs = [b"h\x02" + term(key) + term(item) for key, item in value.pairs]
    return b"h\x01" + listing(pairs)


def parse(text):
    return json.loads(text, parse_float=Float, object_pairs_hook=Object)


def revision_bytes(text):
    return bytes.fromhex(text) if re.fullmatch("[0-9a-fA-F]{32}", text) else text.encode()


def revision(text, deleted, parent, md5s):
    """The revision of an edit. md5s: of the attachments, in document order."""
    body = []
    atts = []
    for key, value in parse(text).pairs:
        if not key.startswith("_") or key in BODY_SPECIALS:
            body.append((key, value))
        elif key == "_attachments":
            atts = [(name, dict(props.pairs)) for name, props in value.pairs]
    assert len(atts) == len(md5s), text
    tuples = [
        b"h\x03"
        + binary(name.encode())
        + binary(props.get("content_type", "application/octet-stream").encode())
        + binary(md5)
        for (name, props), md5 in zip(atts, md5s)
    ]
    start, old = 0, integer(0)
    if parent:
        generation, dash, id_text = parent.partition("-")
        start, old = int(generation), binary(revision_bytes(id_text))
    data = listing(
        [
            atom(b"true" if deleted else b"false"),
            integer(start),
            old,
            term(Object(body)),
            listing(tuples[::-1]),
        ]
    )
    return "%d-%s" % (start + 1, hashlib.md5(b"\x83" + data).hexdigest())


def expand(text):
    return re.sub(r"<<(\d+)\*(.*?)>>", lambda m: m.group(2) * int(m.group(1)), text)


def read_recorded():
    lines = []
    for line in (HERE / "recorded.txt").read_text("utf-8").split("\n"):
        if not line or line.startswith("#"):
            continue
        rev, deleted, parent, md5s, text = line.split("\t")
        made = revision(
            expand(text),
            deleted == "1",
            None if parent == "-" else parent,
            [] if md5s == "-" else [bytes.fromhex(md5) for md5 in md5s.split(",")],
        )
        if made != rev:
            raise SystemExit("CouchDB said %s, this program %s: %s" % (rev, made, line))
        lines.append(line)
    return lines


def attachment_text(atts):
    """A document of attachments that are stored as they are."""
    members = [
        '"%s":{%s"data":"%s"}'
        % (
            name,
            '"content_type":"%s",' % type if type else "",
            base64.b64encode(data).decode(),
        )
        for name, type, data in atts
    ]
    md5s = [hashlib.md5(data).digest() for _, _, data in atts]
    return '{"v":1,"_attachments":{%s}}' % ",".join(members), md5s


def integers():
    values = [0, 1, 9, 10, 127, 128, 254, 255, 256, 257, 65535, 65536, 2**24]
    for bits in (31, 32, 53, 56, 63, 64, 65, 127, 128, 255, 1000, 2040, 2048):
        values += [2**bits - 1, 2**bits, 2**bits + 1]
    values += [10**18, 10**19 - 1, 10**19, 10**38, 10**100, 10**299 + 7, int("9" * 300), 256**255]
    values += [256**255 - 1, 10**613, 10**614]
    for value in values:
        yield str(value)
        if value > 0:
            yield str(-value)
    yield "-0"


def floats():
    texts = (
        "0.0 -0.0 0e0 0E5 -0e0 0.0e-5 1.0 -1.0 1e0 1E0 1e+0 1e-0 10e-1 1e2 1E+2 1.0e2 100.0 1.5 -1.5 0.1 "
        "0.2 0.3 0.30000000000000004 3.14159 2.718281828459045 1e-7 1e21 1e22 1e23 123456789.123456789 "
        "9007199254740993.0 9007199254740992.0 9007199254740991.0 1.7976931348623157e308 "
        "1.7976931348623158e308 2.2250738585072014e-308 2.2250738585072011e-308 4.9e-324 5.0e-324 5e-324 "
        "3e-324 2e-323 3e-323 -5e-324 1e-310 -1e-310 1e-400 -1e-400 1.0e-400 0.0e400 0e400 1e308 "
        "0.1e1 0.000001 1.1e0 1.10 12345678901234567890.5 0.5e-10 1e-5 6.02214076e23 "
        "1.00000000000000011102230246251565 1.000000000000000111022302462515654042363166809082031251 "
        "179769313486231570e291 8.5e1 85e0 37.774929500000 -122.419415500000"
    ).split()
    yield from texts
    yield "0." + "0" * 30 + "1"
    yield "1" + "0" * 30 + "e0"
    yield "1" + "0" * 29 + "e-29"
    yield "123456789012345678901234567890123e3"


def strings():
    yield from [
        '""', '" "', '"a"', '"\\u0061"', '"\\u0041\\u00DF\\u6771\\ud801\\udc00"', '"\\u0000"',
        '"\\u0001\\u001f \\u007f\\u0080"', '"\\b\\f\\n\\r\\t\\"\\\\\\/"', '"/"', '"\\u002f"',
        '"\\u0022\\u005c"', '"é"', '"日本語"', '"😀"', '"\\ud83d\\ude00"', '"a\\u00e9b"',
        '"\\ud83d\\ude00\\ud83d\\ude01"', '"\\uffff\\ufffe\\ufdd0"', '"￿"', '"\\u2028 "',
        '"15 characters.."', '"16 characters..."', '"17 characters...."', '"31 characters, one less than two"',
        '"<<300*x>>"', '"<<16*x>>\\n<<16*y>>"', '"<<1000*é>>"', '"<<70000*z>>"', '"\\uD834\\uDD1E"',
        '"\\u00e9<<40*a>>\\u00e9"', '"a\\\\"', '"\\\\\\\\"', '"\\"\\""',
    ]


def arrays():
    yield from [
        "[]", "[0]", "[255]", "[256]", "[-1]", "[-0]", "[0.0]", "[1.0]", "[1,2,3]", "[ 1 , 2 ]", "[1,256]",
        "[256,1]", "[true]", "[null,false,true]", '[""]', '["a",1]', "[[]]", "[[],[]]", "[[[[[[]]]]]]", "[{}]",
        "[[1,2],[3,4]]", "[[1,2],[300]]", "[{},[],0]", "[1,[2,[3,[4,[256]]]]]", '[{"a":[1]},{"a":[-1]}]',
        "[<<65534*7,>>7]", "[<<65535*7,>>7]", "[<<70000*255,>>0]", "[<<300*[],>>[]]", "[<<100*1,>>1.5]",
        "[1e0]", "[00000000000]".replace("00000000000", "0"), "[<<256*1,>>2]", "[<<255*1,>>2]", "[null]",
    ]


def bodies():
    for value in integers():
        yield '{"n":%s}' % value
    for value in floats():
        yield '{"f":%s}' % value
    for value in strings():
        yield '{"s":%s}' % value
        yield '{%s:1}' % ('"k' + value[1:])
    for value in arrays():
        yield '{"l":%s}' % value
    yield from [
        '{"":""}', '{"a":{"":{}}}', ' { "a" : [ ] , "b" : { } } ', '{"a":{"_id":1,"_rev":2}}',
        '{"a":1,"a":2}', '{"a":1,"b":2,"a":3,"c":4,"b":5}', '{"o":{"a":1,"a":2},"o":{"a":3,"b":4,"a":5}}',
        '{"a":1,"\\u0061":2}', '{"\\u0061":1,"b":0,"a":2}', '{"\\n":1,"\\u000a":2}', '{"é":1,"\\u00e9":2}',
        '{"l":[{"x":1,"y":2,"x":3},{"x":[1,2],"x":[3,4]}]}', '{"a":[1,2],"b":"x","a":"y","b":[3]}',
        '{<<20*"k":1,>>"k":2}', '{<<200*"k":[1,{"k":2}],"l":3,>>"k":2}',
        '{"a1":1,"a2":2,"a3":3,"a4":4,"a5":5,"a6":6,"a7":7,"a8":8,"a9":9,"a10":10,"a3":11}',
        '{"_replication_state":"error","x":1}', '{"_replication_stats":{"a":1},"_replication_id":"i"}',
        '{"_replication_state_time":1,"_replication_state_reason":null}', '{"_id":"x","_conflicts":[1],"v":1}',
        '{"v":1,"_local_seq":5,"_revs_info":[{}],"_deleted_conflicts":{},"w":2}', '{"_\\u0069d":"x","v":1}',
        '{"<<1000*k>>":{"<<100*v>>":[1,2,3]}}', "{<<64*\"a\":{>>\"b\":1<<64*}>>}", "{\"a\":<<999*[>>1<<999*]>>}",
    ]


def edits():
    """(text, deleted, parent, md5s)"""
    for text in bodies():
        yield text, False, None, []
    first, text_parent = "1-967a00dff5e02add41819138abb3284d", "1-x"
    parents = [
        first, first.upper().replace("-", "-"), text_parent, "255-" + "0" * 32, "256-" + "f" * 32, "7-abcdefgh",
        "2147483647-aa", "2147483648-aa", "9007199254740992-aa", "3-" + "0123456789abcdef" * 3, "2-é",
        "1-31characters-with-dashes-inside",
    ]
    for parent in parents:
        yield '{"v":2}', False, parent, []
        yield "{}", True, parent, []
    yield '{"v":"gone"}', True, None, []
    yield '{"_deleted":true,"a":[1,2]}', True, first, []
    sets = [
        [("a", None, b"")], [("a", "image/png", b"x")], [("b", None, b"1"), ("a", None, b"2")],
        [("a", "image/png", b"1"), ("b", "image/jpeg", b"2"), ("c", None, b"3")], [("é/ü", None, b"\xff" * 100)],
        [("n%02d" % i, None, bytes([i % 256])) for i in range(300)],
    ]
    for atts in sets:
        text, md5s = attachment_text(atts)
        yield text, False, None, md5s
        yield text, False, first, md5s


def main():
    sys.setrecursionlimit(20000)  # a vector nests 1000 levels deep
    lines = ["# made by generate.py; the first part is recorded from CouchDB 3.5.0"]
    lines += read_recorded()
    lines.append("# computed")
    for text, deleted, parent, md5s in edits():
        rev = revision(expand(text), deleted, parent, md5s)
        columns = [rev, str(int(deleted)), parent or "-", ",".join(m.hex() for m in md5s) or "-", text]
        lines.append("\t".join(columns))
    (HERE / "vectors.txt").write_text("\n".join(lines) + "\n", "utf-8")
    print(len(lines) - 2, "vectors")


main()
