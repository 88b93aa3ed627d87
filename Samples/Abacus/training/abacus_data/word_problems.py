"""Word problems of one to four steps: things gained and lost, shopping, ages, distances, time."""

from .lexicon import BOXES, ITEMS, NAMES
from .question import Question, say
from .steps import Work, prove

GAIN = (
    ["{n} finds {b} more.", "A friend gives {n} {b} more.", "{n} buys {b} more.", "Then {n} gets {b} more {i}.", "{n} collects another {b} {i}.", "Later {n} receives {b} {i}.", "{m} gives {n} {b} {i}."],
    ["{n}又买了{b}{c}。", "朋友给了{n}{b}{c}。", "{n}又找到{b}{c}。", "后来又得到{b}{c}{i}。", "{m}送给{n}{b}{c}{i}。", "{n}又收到{b}{c}{i}。"],
)
LOSE = (
    ["{n} gives away {b}.", "{n} loses {b} of them.", "{n} gives {b} {i} to {m}.", "{n} sells {b}.", "Then {n} uses {b} of them.", "{m} takes {b} {i}."],
    ["{n}送出{b}{c}。", "{n}丢了{b}{c}。", "{n}给了{m}{b}{c}{i}。", "{n}卖掉{b}{c}。", "后来用掉{b}{c}。", "{m}拿走{b}{c}{i}。"],
)
PACKS = (
    ["{n} buys {b} {x} of {k} {i} each.", "{n} gets {b} {x} with {k} {i} in each.", "Then come {b} {x}, each with {k} {i}.", "{m} brings {b} {x} of {k} {i}."],
    ["{n}买了{b}{x}{i}，每{x}{k}{c}。", "{n}得到{b}{x}{i}，每{x}有{k}{c}。", "又来了{b}{x}，每{x}{k}{c}{i}。", "{m}带来{b}{x}{i}，每{x}{k}{c}。"],
)
START = (
    ["{n} has {a} {i}.", "There are {a} {i} in {n}'s room.", "At first {n} has {a} {i}.", "{n} starts with {a} {i}.", "{n} owns {a} {i}."],
    ["{n}有{a}{c}{i}。", "{n}原来有{a}{c}{i}。", "开始时{n}有{a}{c}{i}。", "{n}的房间里有{a}{c}{i}。", "{n}一共有{a}{c}{i}。"],
)
ASK = (
    ["How many {i} does {n} have now?", "How many {i} are there now?", "How many {i} are left in the end?", "What is the number of {i} now?", "How many {i} is that?"],
    ["{n}现在有多少{c}{i}？", "现在有多少{c}{i}？", "最后有多少{c}{i}？", "{n}还有几{c}{i}？", "一共是多少{c}{i}？"],
)


def people(rng, language):
    """Two different names."""
    return rng.sample(NAMES[language], 2)


def stock(rng, language, steps):
    """Things that come and go, in one to three events."""
    small = steps == 1
    (english, chinese, measure), (box_en, box_zh) = rng.choice(ITEMS), rng.choice(BOXES)
    name, other = people(rng, language)
    words = {"n": name, "m": other, "c": measure, "i": english if language == "en" else chinese, "x": box_en if language == "en" else box_zh}
    value = rng.randint(2, 9) if small else rng.randint(11, 99)
    work, check, packs_left = Work(), "", 0 if small else 1
    parts = [say(rng, language, *START).format(a=value, **words)]
    for _ in range(steps):
        event = rng.random()
        if packs_left and event < 0.5:
            packs_left = 0
            b, k = rng.randint(2, 9), rng.randint(4, 25)
            parts.append(say(rng, language, *PACKS).format(b=b, k=k, **words))
            value = work.add(value, work.mul(k, b))
            continue
        sign = "+" if event < 0.7 or value < 2 else "-"
        b = rng.randint(1, 9) if sign == "+" else rng.randint(1, value)
        if not small:
            b = rng.randint(5, 80) if sign == "+" else rng.randint(min(5, value), min(value, 90))
        parts.append(say(rng, language, *(GAIN if sign == "+" else LOSE)).format(b=b, **words))
        check = prove(sign, value, b) if small else ""
        value = work.apply(sign, value, b)
    parts.append(say(rng, language, *ASK).format(**words))
    return parts, work, value, check


def shopping(rng, language, steps):
    """Prices, totals and change."""
    (english, chinese, measure), (english2, chinese2, measure2) = rng.sample(ITEMS, 2)
    name, _ = people(rng, language)
    i, j = (english, english2) if language == "en" else (chinese, chinese2)
    work, check = Work(), ""
    count, price = (rng.randint(2, 9), rng.randint(2, 9)) if steps == 1 else (rng.randint(3, 12), rng.randint(6, 45))
    total = work.mul(price, count)
    parts = [say(rng, language,
        [f"{name} buys {count} {i} for {price} yuan each.", f"{i.capitalize()} cost {price} yuan each. {name} buys {count}.", f"{name} pays {price} yuan for each of {count} {i}."],
        [f"{name}买了{count}{measure}{i}，每{measure}{price}元。", f"{i}每{measure}{price}元，{name}买了{count}{measure}。", f"一{measure}{i}{price}元，{name}要买{count}{measure}。"])]
    if steps == 1:
        check = prove("*", price, count)
    if steps >= 3:
        count2, price2 = rng.randint(2, 9), rng.randint(5, 40)
        parts.append(say(rng, language,
            [f"{name} also buys {count2} {j} at {price2} yuan each.", f"Then {count2} {j} for {price2} yuan each."],
            [f"又买了{count2}{measure2}{j}，每{measure2}{price2}元。", f"还要{count2}{measure2}{j}，每{measure2}{price2}元。"]))
        total = work.add(total, work.mul(price2, count2))
    if steps in (2, 4):
        paid = -(-(total + 1) // 50) * 50
        parts.append(say(rng, language,
            [f"{name} pays with {paid} yuan.", f"{name} gives the shop {paid} yuan."], [f"付了{paid}元。", f"{name}给了店主{paid}元。"]))
        parts.append(say(rng, language, ["How much change is there?", "How many yuan come back?", "What is the change?"], ["应找回多少元？", "找回多少钱？", "还剩多少元？"]))
        total = work.sub(paid, total)
    else:
        parts.append(say(rng, language, ["What is the total cost?", "How much does that cost together?", "How many yuan is that in all?"], ["一共要多少元？", "总共花多少钱？", "一共多少元？"]))
    return parts, work, total, check


def ages(rng, language, steps):
    """Ages of two or three people, now or later."""
    a, b, c = rng.sample(NAMES[language], 3)
    work, check = Work(), ""
    age, gap = (rng.randint(3, 9), rng.randint(2, 9)) if steps == 1 else (rng.randint(11, 48), rng.randint(2, 25))
    older = rng.random() < 0.6 or gap >= age
    parts = [say(rng, language, [f"{a} is {age} years old.", f"{a}'s age is {age}."], [f"{a}今年{age}岁。", f"{a}{age}岁。"])]
    parts.append(say(rng, language,
        [f"{b} is {gap} years {'older' if older else 'younger'} than {a}.", f"{b} is {'older' if older else 'younger'} by {gap} years."],
        [f"{b}比{a}{'大' if older else '小'}{gap}岁。", f"{b}比他{'大' if older else '小'}{gap}岁。"]))
    sign, value, who = "+" if older else "-", 0, b
    check = prove(sign, age, gap) if steps == 1 else ""
    value = work.apply(sign, age, gap)
    if steps >= 3:
        times, who = rng.randint(2, 4), c
        parts.append(say(rng, language, [f"{c} is {times} times as old as {b}."], [f"{c}的年龄是{b}的{times}倍。"]))
        value = work.mul(value, times)
    if steps >= 2:
        if rng.random() < 0.5:
            years = rng.randint(3, 30)
            parts.append(say(rng, language, [f"How old will {who} be in {years} years?", f"What is {who}'s age {years} years from now?"], [f"{years}年后{who}多少岁？", f"再过{years}年，{who}几岁？"]))
            return parts, work, work.add(value, years), check
        parts.append(say(rng, language, [f"How old are {who} and {a} together?", f"What is the sum of the ages of {who} and {a}?"], [f"{who}和{a}的年龄和是多少？", f"{who}和{a}一共多少岁？"]))
        return parts, work, work.add(value, age), check
    parts.append(say(rng, language, [f"How old is {who}?", f"What is {who}'s age?"], [f"{who}几岁？", f"{who}今年多少岁？"]))
    return parts, work, value, check


def distance(rng, language, steps):
    """Speed, time and distance."""
    name, _ = people(rng, language)
    work, check = Work(), ""
    hours, speed = (rng.randint(2, 9), rng.randint(2, 9)) if steps == 1 else (rng.randint(2, 9), rng.randint(12, 95))
    verb_en, verb_zh = rng.choice([("walks", "走"), ("runs", "跑")] if steps == 1 else [("drives", "开车行"), ("rides", "骑车行"), ("travels", "走")])
    parts = [say(rng, language,
        [f"{name} {verb_en} {speed} km an hour for {hours} hours.", f"{name} {verb_en} for {hours} hours at {speed} km an hour."],
        [f"{name}每小时{verb_zh}{speed}公里，{verb_zh}了{hours}小时。", f"{name}以每小时{speed}公里的速度{verb_zh}了{hours}小时。"])]
    value = work.mul(speed, hours)
    if steps == 1:
        check = prove("*", speed, hours)
    if steps >= 3:
        hours2, speed2 = rng.randint(2, 6), rng.randint(11, 60)
        parts.append(say(rng, language,
            [f"Then {name} goes on for {hours2} hours at {speed2} km an hour.", f"After that come {hours2} hours at {speed2} km an hour."],
            [f"然后又以每小时{speed2}公里的速度走了{hours2}小时。", f"接着{hours2}小时，每小时{speed2}公里。"]))
        value = work.add(value, work.mul(speed2, hours2))
    if steps in (2, 4):
        far = value + rng.randint(10, 150)
        parts.append(say(rng, language,
            [f"The whole way is {far} km. How many km are left?", f"The goal is {far} km away. How far is it still?"],
            [f"全程{far}公里，还剩多少公里？", f"目的地有{far}公里远，还要走多少公里？"]))
        return parts, work, work.sub(far, value), check
    parts.append(say(rng, language, ["How far is that?", "How many km is that in all?", f"How far does {name} get?"], ["一共多少公里？", "共走了多少公里？", f"{name}走了多远？"]))
    return parts, work, value, check


def time(rng, language, steps):
    """Minutes and hours, and work by the day."""
    name, _ = people(rng, language)
    work = Work()
    if steps == 1:
        a, b = rng.randint(2, 9), rng.randint(2, 9)
        parts = [say(rng, language, [f"{name} reads {a} pages a day.", f"Every day {name} reads {a} pages."], [f"{name}每天读{a}页书。", f"{name}一天看{a}页书。"]),
            say(rng, language, [f"How many pages in {b} days?", f"How many pages are that after {b} days?"], [f"{b}天读多少页？", f"{b}天一共看多少页？"])]
        return parts, work, work.mul(a, b), prove("*", a, b)
    hours, minutes = rng.randint(2, 5), rng.randint(2, 58)
    parts = [say(rng, language,
        [f"{name} works for {hours} hours and {minutes} minutes.", f"A film takes {hours} hours and {minutes} minutes.", f"{name} sleeps {hours} hours and {minutes} minutes."],
        [f"{name}工作了{hours}小时{minutes}分钟。", f"一部电影长{hours}小时{minutes}分钟。", f"{name}睡了{hours}小时{minutes}分钟。"])]
    value = work.add(work.mul(60, hours), minutes)
    if steps >= 3:
        more, longer = rng.randint(5, 55), rng.random() < 0.5
        parts.append(say(rng, language,
            [f"The next day it is {more} minutes {'more' if longer else 'less'}. How many minutes is it then?"],
            [f"第二天{'多' if longer else '少'}{more}分钟。第二天是多少分钟？"]))
        return parts, work, work.apply("+" if longer else "-", value, more), ""
    parts.append(say(rng, language, ["How many minutes is that?", "How many minutes in all?"], ["一共多少分钟？", "是多少分钟？"]))
    return parts, work, value, ""


def word_problem(rng, language, difficulty):
    """A word problem: one small step when easy, two to four when hard."""
    kind = rng.choice([stock, stock, shopping, ages, distance, time])
    steps = 1 if difficulty == "easy" else rng.choice([2, 2, 3] if kind in (stock, ages, time) else [2, 2, 2, 3, 4])
    parts, work, value, check = kind(rng, language, steps)
    prompt = (" " if language == "en" else "").join(parts)
    return Question("word_problems", difficulty, language, prompt, work.text(), str(value), check)
