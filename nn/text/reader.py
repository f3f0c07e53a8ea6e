"""From text in the notation of `cnn` to items, one for each layer."""

import re
from typing import Any, NamedTuple

import tensorgrad as tg

ACTIVATIONS = ("relu", "sigmoid", "tanh", "softmax", "log_softmax")
POOLS = ("pool", "avgpool")
WORDS = (*POOLS, "gap", "fc", "flatten", "dropout", "bn", "linear", *ACTIVATIONS)
POOL_OPTIONS = ("stride", "padding")
CONV_OPTIONS = ("stride", "padding", "dilation", "groups")

DIGITS = 9  # that a number may have
MOST = 10_000  # layers of one network, so that a slip such as x999999999 is told before it takes all memory

TIMES = "x\N{MULTIPLICATION SIGN}"
# A size has no space in it, and a repeat stands apart from the number before it: in `stride 2 x2`, x2 is a repeat. A
# slip is a repeat by a number that is not whole.
TOKEN = re.compile(
    rf"\s*(?:(?P<slip>(?<!\d)[{TIMES}]\s*(?:[-+]\s*[\d.]+|\d*\.\d*))|(?P<repeat>(?<!\d)[{TIMES}]\s*\d+(?![\d{TIMES}]))|(?P<size>\d+[{TIMES}]\d+)|(?P<number>\d+\.?\d*|\.\d+)"
    r"|(?P<word>[A-Za-z_]+)|(?P<mark>[][(),])|(?P<wrong>\S))"
)

Pair = tuple[int, int]


class Token(NamedTuple):
    """A word, number, size such as 3x3, repeat such as x2, or mark; where it stands, from 0."""

    kind: str
    text: str
    position: int


class Item(NamedTuple):
    """One layer of the text: "[" (a convolution) or a word, its size or number, its options, where it stands."""

    kind: str
    value: Any
    options: dict[str, Pair]
    position: int


class Reader:
    """From text to items."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [
            Token(str(m.lastgroup), m[str(m.lastgroup)], m.start(str(m.lastgroup))) for m in TOKEN.finditer(text)
        ]
        self.next = 0

    def items(self) -> list[Item]:
        """All items, repeats written out."""
        groups: list[tuple[list[Item], int]] = [([], 0)]  # the open parentheses: what is inside, and where they stand
        last: list[Item] = []  # what a repeat would repeat
        while token := self.take():
            if token.text == "(":
                groups.append(([], token.position))
                last = []
            elif token.text == ")":
                if len(groups) == 1:
                    raise wrong(self.text, token.position, "this parenthesis was not opened")
                last, _ = groups.pop()
                self.extend(groups[-1][0], last, 1, token)
            elif token.kind == "repeat":
                (times,) = self.wholes(token, least=0)
                if not last:
                    raise wrong(self.text, token.position, "there is no layer to repeat")
                if times < 1:
                    raise wrong(self.text, token.position, "a layer is repeated at least once")
                self.extend(groups[-1][0], last, times - 1, token)
                last = []
            else:
                last = [self.item(token)]
                self.extend(groups[-1][0], last, 1, token)
        if len(groups) > 1:
            raise wrong(self.text, groups[-1][1], "this parenthesis is not closed")
        if not groups[0][0]:
            raise tg.ShapeError("cnn: the text names no layer")
        return groups[0][0]

    def extend(self, items: list[Item], more: list[Item], times: int, token: Token) -> None:
        """Add `more` to `items`, several times."""
        if len(items) + len(more) * times > MOST:
            raise wrong(self.text, token.position, f"the network would have more than {MOST:,} layers here")
        items.extend(more * times)

    def take(self, *kinds: str) -> Token | None:
        """The next token, if it is of one of these kinds; of any kind if none is named."""
        token = self.tokens[self.next] if self.next < len(self.tokens) else None
        if token is None or (kinds and token.kind not in kinds and token.text not in kinds):
            return None
        self.next += 1
        return token

    def need(self, what: str, *kinds: str) -> Token:
        """The next token, which must be of one of these kinds."""
        token = self.take(*kinds)
        if token is None:
            here = self.tokens[self.next] if self.next < len(self.tokens) else None
            found = f"got {here.text!r}" if here else "the text ends"
            raise wrong(self.text, here.position if here else len(self.text), f"{what} should stand here, {found}")
        return token

    def item(self, token: Token) -> Item:
        """The layer that starts with a token."""
        if token.text == "[":
            size = self.need("a kernel size such as 3x3", "size")
            self.need("a comma", ",")
            depth = self.need("the number of kernels", "number")
            options: dict[str, Pair] = {}
            while self.take(","):
                self.option(CONV_OPTIONS, options)
            self.need("a comma or ]", "]")
            return Item("[", (self.sides(size), self.whole(depth)), options, token.position)
        if token.kind == "slip":
            raise wrong(self.text, token.position, f"a repeat is x and a whole number, as in x2, got {token.text!r}")
        if token.text not in WORDS:
            known = "[" if token.kind in ("size", "number") else f"a layer is [KxK, N] or one of {', '.join(WORDS)}"
            known = "a convolution is written [3x3, 16]" if known == "[" else known
            raise wrong(self.text, token.position, f"{token.text!r} is no layer: {known}")
        if token.text == "fc":
            return Item("fc", self.whole(self.need("the number of units", "number")), {}, token.position)
        if token.text == "dropout":
            number = self.take("number")
            share = float(number.text) if number else 0.5
            if number and not 0 <= share <= 1:
                raise wrong(self.text, number.position, f"dropout takes a probability from 0 to 1, got {number.text}")
            return Item("dropout", share, {}, token.position)
        if token.text in POOLS:
            size_given = self.take("size")
            options = {}
            while self.next < len(self.tokens) and self.tokens[self.next].text in POOL_OPTIONS:
                self.option(POOL_OPTIONS, options)
            return Item(token.text, self.sides(size_given) if size_given else (2, 2), options, token.position)
        return Item(token.text, None, {}, token.position)

    def option(self, known: tuple[str, ...], options: dict[str, Pair]) -> None:
        """Take `stride 2` or `stride 2x1`, and the like, into `options`."""
        name = self.need("an option: " + ", ".join(known), *known)
        if name.text in options:
            raise wrong(self.text, name.position, f"there is a {name.text} already")
        if name.text == "groups":
            value = self.need("the number of groups", "number")
        else:
            value = self.need(f"the {name.text}", "number", "size")
        least = int(name.text != "padding")
        options[name.text] = self.sides(value, least) if value.kind == "size" else (self.whole(value, least),) * 2

    def whole(self, token: Token, least: int = 1) -> int:
        """A number that counts something."""
        if token.text.isdigit() and len(token.text) > DIGITS:
            message = f"a number of at most {DIGITS} digits should stand here, got {token.text!r}"
            raise wrong(self.text, token.position, message)
        if not token.text.isdigit() or int(token.text) < least:
            raise wrong(self.text, token.position, f"a whole number from {least} should stand here, got {token.text!r}")
        return int(token.text)

    def wholes(self, token: Token, least: int) -> list[int]:
        """The numbers inside a size or a repeat."""
        inside = re.finditer(r"\d+", token.text)
        return [self.whole(Token("number", m[0], token.position + m.start()), least) for m in inside]

    def sides(self, token: Token, least: int = 1) -> Pair:
        """A size, height first."""
        height, width = self.wholes(token, least)
        return height, width


def wrong(text: str, position: int, message: str) -> tg.ShapeError:
    """An error that shows where in the text it is."""
    line = re.sub(r"\s", " ", text)
    return tg.ShapeError(f"cnn: {message} (position {position + 1})\n  {line}\n  {' ' * position}^")
