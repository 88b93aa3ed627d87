"""Lists of numbers: sort, reverse, count, largest and smallest, sums."""

from .question import Question, say
from .steps import Work

SORT = {
    True: (
        ["Sort these numbers: {l}", "Put these in ascending order: {l}", "Sort {l} from smallest to largest.", "Arrange from low to high: {l}", "Order the numbers {l} from small to large."],
        ["把这些数从小到大排序：{l}", "从小到大排列：{l}", "请将{l}按从小到大排序。", "升序排列：{l}", "给{l}排序，从小到大。"],
    ),
    False: (
        ["Sort in descending order: {l}", "Put these in descending order: {l}", "Sort {l} from largest to smallest.", "Arrange from high to low: {l}"],
        ["把这些数从大到小排序：{l}", "从大到小排列：{l}", "请将{l}按从大到小排序。", "降序排列：{l}"],
    ),
}
EXTREME = {
    "max": (
        ["What is the largest of {l}?", "Find the maximum: {l}", "Which number is the biggest: {l}?", "Give me the largest number in {l}.", "The greatest of {l} is?"],
        ["{l}中最大的数是多少？", "找出最大的数：{l}", "哪个数最大：{l}？", "求最大值：{l}", "请说出{l}里最大的数。"],
    ),
    "min": (
        ["What is the smallest of {l}?", "Find the minimum: {l}", "Which number is the smallest: {l}?", "Give me the smallest number in {l}.", "The least of {l} is?"],
        ["{l}中最小的数是多少？", "找出最小的数：{l}", "哪个数最小：{l}？", "求最小值：{l}", "请说出{l}里最小的数。"],
    ),
}
REVERSE = (
    ["Reverse this list: {l}", "Write {l} backwards, item by item.", "Give the list in reverse order: {l}", "Turn the list around: {l}", "Reverse the order of {l}."],
    ["把这个列表倒过来：{l}", "将{l}倒序写出。", "反转列表：{l}", "把{l}的顺序反过来。", "倒着写出这些数：{l}"],
)
COUNT_ALL = (
    ["How many numbers are in this list: {l}?", "Count the numbers: {l}", "How many items are there: {l}?"],
    ["这里有几个数：{l}？", "数一数有几个数：{l}", "列表{l}中有几个数？"],
)
COUNT = {
    ">": (
        ["How many numbers are greater than {t}: {l}?", "Count the numbers above {t}: {l}", "In {l}, how many are larger than {t}?", "How many of {l} are more than {t}?"],
        ["有几个数大于{t}：{l}？", "数一数大于{t}的数有几个：{l}", "{l}中比{t}大的数有几个？", "{l}里有几个数大于{t}？"],
    ),
    "<": (
        ["How many numbers are less than {t}: {l}?", "Count the numbers below {t}: {l}", "In {l}, how many are smaller than {t}?", "How many of {l} are less than {t}?"],
        ["有几个数小于{t}：{l}？", "数一数小于{t}的数有几个：{l}", "{l}中比{t}小的数有几个？", "{l}里有几个数小于{t}？"],
    ),
}
SUM = (
    ["Add up {l}.", "What is the sum of {l}?", "Find the total: {l}", "Sum these numbers: {l}", "What do {l} add up to?"],
    ["求和：{l}", "{l}的和是多少？", "把{l}加起来。", "这些数的总和是多少：{l}", "请计算{l}的总和。"],
)


def draw(rng, count, digits):
    """Distinct numbers of one or of mostly two digits."""
    return rng.sample(range(1, 10) if digits == 1 else range(rng.choice([1, 10, 10, 10]), 100), count)


def plain(numbers):
    """The canonical form of a list."""
    return " ".join(map(str, numbers))


def show(rng, language, numbers):
    """The list as a question writes it."""
    marks = [", ", ", ", " ", ","] if language == "en" else ["、", "，", " ", ","]
    return rng.choice(marks).join(map(str, numbers))


def running(numbers, better):
    """The best so far, compared item by item."""
    best, parts = numbers[0], []
    for item in numbers[1:]:
        sign = ">" if item > best else "<"
        winner = better(item, best)
        parts.append(f"{item}{sign}{best}:{winner}")
        best = winner
    return ",".join(parts)


def selection(numbers, pick):
    """Selection sort: the rest of the list, and what is taken out of it."""
    rest, rows = list(numbers), []
    while rest:
        item = pick(rest)
        rows.append(f"{plain(rest)}>{item}")
        rest.remove(item)
    return "\n".join(rows)


def numbered(numbers):
    """Items with their places, forwards and backwards."""
    places = [f"{place}:{item}" for place, item in enumerate(numbers, 1)]
    return " ".join(places), " ".join(reversed(places))


def sort(rng, language, hard):
    """Ascending or descending order."""
    numbers, ascending = draw(rng, rng.randint(5, 6) if hard else 3, 2 if hard else 1), rng.random() < 0.6
    ordered = sorted(numbers, reverse=not ascending)
    check = "" if hard else running(ordered, min if ascending else max)
    return SORT[ascending], numbers, selection(numbers, min if ascending else max), plain(ordered), check


def extreme(rng, language, hard):
    """The largest or the smallest."""
    kind = rng.choice(["max", "min"])
    pick = max if kind == "max" else min
    numbers = draw(rng, rng.randint(6, 8) if hard else 3, 2 if hard or rng.random() < 0.5 else 1)
    check = "" if hard else running(numbers[::-1], pick)
    return EXTREME[kind], numbers, running(numbers, pick), str(pick(numbers)), check


def reverse(rng, language, hard):
    """The list from its end."""
    numbers = draw(rng, rng.randint(6, 7) if hard else 3, 2 if hard else 1)
    there, back = numbered(numbers)
    check = "" if hard else " ".join(numbered(numbers[::-1]))
    return REVERSE, numbers, f"{there}\n{back}", plain(numbers[::-1]), check


def count(rng, language, hard):
    """How many items, or how many beyond a threshold."""
    if not hard:
        numbers = draw(rng, rng.randint(2, 5), 1)
        there, back = numbered(numbers)
        return COUNT_ALL, numbers, there, str(len(numbers)), back
    sign = rng.choice("><")
    numbers = draw(rng, rng.randint(6, 8), 2)
    threshold = rng.choice([value for value in range(20, 80) if value not in numbers])
    total, parts = 0, []
    for item in numbers:
        seen = ">" if item > threshold else "<"
        total += seen == sign
        parts.append(f"{item}{seen}{threshold}:{total}")
    english, chinese = COUNT[sign]
    wordings = [[text.replace("{t}", str(threshold)) for text in texts] for texts in (english, chinese)]
    return wordings, numbers, ",".join(parts), str(total), ""


def total(rng, language, hard):
    """The sum of all."""
    numbers = draw(rng, rng.randint(3, 4), 2) if hard else [rng.randint(1, 5) for _ in range(3)]
    work, proof = Work(), Work()
    value = numbers[0]
    for item in numbers[1:]:
        value = work.add(value, item)
    if not hard:
        proof.add(proof.add(numbers[2], numbers[1]), numbers[0])
    return SUM, numbers, work.text(), str(value), proof.text()


def lists(rng, language, difficulty):
    """A question about a list."""
    kind = rng.choice([sort, sort, extreme, reverse, count, total])
    wordings, numbers, thought, answer, check = kind(rng, language, difficulty == "hard")
    prompt = say(rng, language, *wordings).format(l=show(rng, language, numbers))
    return Question("lists", difficulty, language, prompt, thought, answer, check)
