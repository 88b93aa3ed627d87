"""Arithmetic worked digit by digit, so that every written token is a copy or a lookup.

A column is written operand, operand, carry, and a two-digit result (carry and digit; borrow and digit for a
difference): `347*6:7*6+0=42,4*6+4=28,3*6+2=20>2082`.
"""


class Work:
    """Collects the lines of a calculation."""

    def __init__(self):
        self.lines = []

    def text(self):
        """All lines so far."""
        return "\n".join(self.lines)

    def add(self, a, b):
        """a + b, columns from the right, operands padded to the same width."""
        return self._columns(a, b, "+", lambda x, y, carry: x + y + carry)

    def sub(self, a, b):
        """a - b for a >= b; the first digit of a column's result is the borrow."""
        return self._columns(a, b, "-", lambda x, y, carry: (x - y - carry) % 10 + 10 * (x < y + carry))

    def _columns(self, a, b, sign, compute):
        width = max(len(str(a)), len(str(b)))
        left, right = str(a).zfill(width), str(b).zfill(width)
        carry, digits, columns = 0, "", []
        for x, y in zip(reversed(left), reversed(right)):
            value = compute(int(x), int(y), carry)
            columns.append(f"{x}{sign}{y}{sign}{carry}={value:02d}")
            carry, digits = value // 10, str(value % 10) + digits
        result = int(str(carry if sign == "+" else 0) + digits)
        self.lines.append(f"{left}{sign}{right}:{','.join(columns)}>{result}")
        return result

    def mul(self, a, b):
        """a * b: one line for each digit of b, then the sum of the partial products."""
        total = None
        for place, digit in enumerate(reversed(str(b))):
            partial = self._mul_digit(a, int(digit)) * 10**place
            total = partial if total is None else self.add(partial, total)
        return total

    def _mul_digit(self, a, digit):
        carry, columns = 0, []
        for x in reversed(str(a)):
            value = int(x) * digit + carry
            columns.append(f"{x}*{digit}+{carry}={value:02d}")
            carry = value // 10
        self.lines.append(f"{a}*{digit}:{','.join(columns)}>{a * digit}")
        return a * digit

    def apply(self, sign, a, b):
        """The operation named by its sign."""
        return {"+": self.add, "-": self.sub, "*": self.mul}[sign](a, b)


def prove(sign, a, b):
    """Two proofs of a one-step result: both inverses, or the product turned round and by one less."""
    work = Work()
    if sign == "+":
        work.sub(a + b, b)
        work.sub(a + b, a)
    elif sign == "-":
        work.add(a - b, b)
        work.sub(a, a - b)
    else:
        work.mul(b, a)
        work.add(work.mul(a, b - 1), a)
    return work.text()
