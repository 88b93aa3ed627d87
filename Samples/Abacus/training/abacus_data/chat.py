"""A little small talk."""

from .question import Question, say

TALK = [
    (["Hello!", "Hi", "Hello there", "Good morning!", "Hey"], ["你好！", "你好", "您好！", "早上好！", "嗨"],
     ["Hello! What shall we work out?", "Hi! Ask me something."], ["你好！想算点什么？", "你好！请问我吧。"]),
    (["Who are you?", "What is your name?", "What are you?"], ["你是谁？", "你叫什么名字？", "你是什么？"],
     ["I am Abacus, a small model that counts."], ["我是 Abacus，一个会算数的小模型。"]),
    (["What can you do?", "How can you help me?"], ["你会做什么？", "你能帮我什么？"],
     ["I can do sums, word problems and lists, and tell short stories."], ["我会算数、解应用题、整理列表，还会讲小故事。"]),
    (["Thank you!", "Thanks", "Thanks a lot!"], ["谢谢！", "谢谢你", "多谢！"],
     ["You are welcome!", "Glad to help!"], ["不客气！", "很高兴能帮到你！"]),
    (["Goodbye!", "Bye", "See you"], ["再见！", "拜拜", "下次见"], ["Goodbye!", "See you soon!"], ["再见！", "下次见！"]),
    (["How are you?", "How is it going?"], ["你好吗？", "最近怎么样？"], ["I am fine, thank you."], ["我很好，谢谢。"]),
]


def chat(rng, language):
    """A greeting or a question about the model itself."""
    asked_en, asked_zh, answered_en, answered_zh = rng.choice(TALK)
    prompt, answer = say(rng, language, asked_en, asked_zh), say(rng, language, answered_en, answered_zh)
    return Question("chat", "none", language, prompt, "hello" if language == "en" else "问候", answer)
