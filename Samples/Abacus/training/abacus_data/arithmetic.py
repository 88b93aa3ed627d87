"""Sums, differences, products and two-step expressions."""

from .question import Question, say
from .steps import Work, prove

WORDINGS = {
    "en": [
        "{e} = ?", "{e}=?", "{e}", "What is {e}?", "Compute {e}.", "Calculate {e}.", "Please work out {e}.", "How much is {e}?",
        "Find the value of {e}.", "Tell me the result of {e}.", "Can you solve {e}?", "Give the answer to {e}.",
        "I need the value of {e}.", "Evaluate {e}.", "Solve: {e}", "Work this out: {e}", "{e} is how much?",
        "What do you get for {e}?", "what's {e}", "Answer this: {e} = ?",
    ],
    "zh": [
        "{e} = ?", "{e}=?", "{e}等于多少？", "计算{e}。", "请计算{e}。", "求{e}的值。", "{e}是多少？", "算一算：{e}", "请问{e}等于几？",
        "帮我算{e}。", "{e}的结果是多少？", "请算出{e}。", "告诉我{e}的结果。", "我想知道{e}等于多少。", "试着计算{e}。",
        "回答：{e}=？", "请给出{e}的答案。", "{e}得多少？",
    ],
}
WORDED = {
    ("en", "+"): ["What is the sum of {a} and {b}?", "Add {a} and {b}.", "{a} plus {b} is what?", "What is {a} plus {b}?"],
    ("en", "-"): ["What is {a} minus {b}?", "Subtract {b} from {a}.", "Take {b} away from {a}.", "What is the difference of {a} and {b}?"],
    ("en", "*"): ["What is {a} times {b}?", "Multiply {a} by {b}.", "What is the product of {a} and {b}?", "{a} times {b} is what?"],
    ("zh", "+"): ["{a}加{b}等于多少？", "{a}与{b}的和是多少？", "把{a}和{b}加起来。", "{a}加上{b}是多少？"],
    ("zh", "-"): ["{a}减{b}等于多少？", "{a}减去{b}是多少？", "从{a}中减去{b}。", "{a}与{b}的差是多少？"],
    ("zh", "*"): ["{a}乘{b}等于多少？", "{a}乘以{b}是多少？", "{a}与{b}的积是多少？", "求{a}和{b}的乘积。"],
}


def number(rng, digits):
    """A number with exactly that many digits."""
    return rng.randint(10 ** (digits - 1), 10**digits - 1)


def operands(rng, difficulty):
    """A sign and two operands for a one-step question."""
    sign = rng.choice("+-*")
    if difficulty == "easy":
        if sign == "*":
            return sign, rng.randint(1, 9), rng.randint(1, 9)
        shape = rng.random()
        if shape < 0.6:
            a, b = rng.randint(0, 9), rng.randint(0, 9)
        elif shape < 0.85:
            a, b = rng.randint(10, 99), rng.randint(1, 9)
        else:
            a, b = 10 * rng.randint(1, 9), 10 * rng.randint(1, 9)
    elif difficulty == "medium":
        a, b = number(rng, 2), number(rng, 1 if sign == "*" else 2)
    elif sign == "*":
        a, b = number(rng, rng.choice([2, 3, 3, 3])), number(rng, rng.choice([1, 1, 2, 2, 2]))
        if a < 100 and b < 10:
            a = number(rng, 3)
    else:
        a, b = number(rng, rng.choice([3, 4, 4])), number(rng, rng.choice([2, 3, 4]))
    return (sign, max(a, b), min(a, b)) if sign == "-" else (sign, a, b)


def one_step(rng, language, difficulty):
    """A single sum, difference or product."""
    sign, a, b = operands(rng, difficulty)
    work = Work()
    answer = work.apply(sign, a, b)
    if rng.random() < 0.25:
        prompt = rng.choice(WORDED[language, sign]).format(a=a, b=b)
    else:
        prompt = rng.choice(WORDINGS[language]).format(e=spell(rng, sign, a, b))
    check = prove(sign, a, b) if difficulty == "easy" else ""
    return Question("arithmetic", difficulty, language, prompt, work.text(), str(answer), check)


def spell(rng, sign, a, b):
    """The expression, with or without spaces, with one of the usual signs of multiplication."""
    if sign == "*":
        sign = rng.choice("**×x")
    return rng.choice(["{} {} {}", "{}{}{}"]).format(a, sign, b)


def two_step(rng, language):
    """An expression of two operations, small enough to keep the work short."""
    shape = rng.choice(["a+b*c", "a*b+c", "a*b-c", "(a+b)*c", "(a-b)*c", "a+b-c", "a-b+c", "a+b+c"])
    work, c = Work(), number(rng, 2)
    if shape == "a+b*c":
        a, b, c = number(rng, rng.choice([2, 3])), number(rng, 2), number(rng, rng.choice([1, 1, 2]))
        answer = work.add(a, work.mul(b, c))
    elif shape in ("a*b+c", "a*b-c"):
        a, b = number(rng, 2), number(rng, rng.choice([1, 1, 2]))
        c = number(rng, rng.choice([2, 3]))
        if shape == "a*b-c" and c > a * b:
            c = rng.randint(1, a * b)
        answer = work.apply(shape[3], work.mul(a, b), c)
    elif shape in ("(a+b)*c", "(a-b)*c"):
        a, b = sorted((number(rng, 2), number(rng, 2)), reverse=True)
        c = rng.randint(2, 9)
        answer = work.mul(work.apply(shape[2], a, b), c)
    else:
        a, b = sorted((number(rng, 3), number(rng, rng.choice([2, 3]))), reverse=True)
        first = work.apply(shape[1], a, b)
        c = min(c, first) if shape[3] == "-" else c
        answer = work.apply(shape[3], first, c)
    text = shape.replace("a", str(a)).replace("b", str(b)).replace("c", str(c))
    if rng.random() < 0.5:
        for sign in "+-*":
            text = text.replace(sign, f" {sign} ")
    if rng.random() < 0.3:
        text = text.replace("*", "×")
    prompt = rng.choice(WORDINGS[language]).format(e=text)
    return Question("arithmetic", "hard", language, prompt, work.text(), str(answer))


def arithmetic(rng, language, difficulty):
    """An arithmetic question of the wanted difficulty."""
    if difficulty == "hard" and rng.random() < 0.4:
        return two_step(rng, language)
    return one_step(rng, language, difficulty)


def follow_up(rng, language):
    """A second turn that goes on from the answer of the first."""
    first = one_step(rng, language, rng.choice(["easy", "medium"]))
    value, b = int(first.answer), rng.randint(2, 99)
    sign = rng.choice("+-" if value >= b else "+")
    wordings = {
        "+": (["Now add {b}.", "Add {b} to that.", "And {b} more?"], ["再加{b}。", "再加上{b}等于多少？", "现在加{b}呢？"]),
        "-": (["Now subtract {b}.", "Take {b} away from that.", "And minus {b}?"], ["再减{b}。", "再减去{b}等于多少？", "现在减{b}呢？"]),
    }
    prompt = say(rng, language, *wordings[sign]).format(b=b)
    work = Work()
    answer = work.apply(sign, value, b)
    return Question("dialogue", "medium", language, prompt, work.text(), str(answer), history=[(first.prompt, first.answer)])
