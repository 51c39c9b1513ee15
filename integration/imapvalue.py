"""IMAP FETCH answers as Python values: lists, bytes, None for NIL."""
import re

TOKEN = re.compile(rb'\s*(?:(?P<open>\()|(?P<close>\))|"(?P<quoted>(?:[^"\\]|\\.)*)"|~?\{(?P<literal>\d+)\}\r\n'
                   rb'|(?P<atom>(?:[^\s()"\[\]{]+(?:\[[^\]]*\])?)+))', re.S)


def responses(data):
    """[{item: value}] of what imaplib's fetch gives, in the server's order; a value is a list, bytes or None."""
    text = b"".join(piece[0] + b"\r\n" + piece[1] if isinstance(piece, tuple) else piece for piece in data if piece is not None)
    values = parse(text)
    found = []
    for _, items in zip(values[0::2], values[1::2]):
        found.append(dict(zip(items[0::2], items[1::2])))
    return found


def parse(text):
    """All values in the text."""
    stack, position, end = [[]], 0, len(text.rstrip())
    while position < end:
        match = TOKEN.match(text, position)
        if not match:
            raise AssertionError(f"not an IMAP value: {text[position:position + 100]!r}")
        position = match.end()
        if match["open"]:
            stack.append([])
        elif match["close"]:
            done = stack.pop()
            stack[-1].append(done)
        elif match["quoted"] is not None:
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", match["quoted"], flags=re.S))
        elif match["literal"]:
            size = int(match["literal"])
            stack[-1].append(text[position:position + size])
            position += size
        else:
            stack[-1].append(None if match["atom"].upper() == b"NIL" else match["atom"])
    if len(stack) != 1:
        raise AssertionError(f"open brackets at the end of {text[-100:]!r}")
    return stack[0]


def types(body):
    """The tree of a BODYSTRUCTURE: ("text/plain",), or ("multipart/mixed", tree, …), or ("message/rfc822", tree)."""
    if isinstance(body[0], list):
        count = next(i for i, part in enumerate(body) if not isinstance(part, list))
        return (f"multipart/{body[count].decode().lower()}", *map(types, body[:count]))
    name = f"{body[0].decode()}/{body[1].decode()}".lower()
    return (name, types(body[8])) if name in ("message/rfc822", "message/global") and isinstance(body[8], list) else (name,)
