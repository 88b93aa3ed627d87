"""The words the grammars draw from. English and Chinese lists are parallel where they hold pairs."""

NAMES = {
    "en": "Tom Anna Ben Lily Max Emma Sam Nina Jack Mia Leo Rosa Paul Ella Hugo Ivy Adam Clara Oscar Ruth".split(),
    "zh": "小明 小红 小刚 小丽 小华 小芳 小军 小雨 小龙 小云 小林 小梅 小杰 小雪 小东 小文".split(),
}

# Things that are counted: English plural, Chinese noun, Chinese measure word.
ITEMS = [
    ("apples", "苹果", "个"), ("pears", "梨", "个"), ("eggs", "鸡蛋", "个"), ("balls", "球", "个"), ("books", "书", "本"),
    ("stamps", "邮票", "张"), ("cards", "卡片", "张"), ("pencils", "铅笔", "支"), ("pens", "钢笔", "支"), ("flowers", "花", "朵"),
    ("cookies", "饼干", "块"), ("sweets", "糖", "块"), ("stones", "石头", "块"), ("coins", "硬币", "枚"), ("buttons", "纽扣", "枚"),
    ("oranges", "橙子", "个"), ("shells", "贝壳", "个"), ("toys", "玩具", "个"), ("photos", "照片", "张"), ("chairs", "椅子", "把"),
]

BOXES = [("boxes", "盒"), ("bags", "袋"), ("packs", "包"), ("baskets", "篮"), ("crates", "箱")]

ANIMALS = [
    ("fox", "狐狸"), ("bear", "黑熊"), ("rabbit", "兔子"), ("cat", "小猫"), ("dog", "小狗"), ("duck", "鸭子"), ("mouse", "老鼠"),
    ("owl", "猫头鹰"), ("horse", "小马"), ("sheep", "绵羊"), ("frog", "青蛙"), ("turtle", "乌龟"), ("bird", "小鸟"), ("goat", "山羊"),
    ("pig", "小猪"), ("wolf", "灰狼"), ("monkey", "猴子"), ("tiger", "老虎"), ("lion", "狮子"), ("deer", "小鹿"), ("bee", "蜜蜂"),
    ("hen", "母鸡"), ("crow", "乌鸦"), ("squirrel", "松鼠"), ("panda", "熊猫"), ("elephant", "大象"),
]

PLACES = [
    ("forest", "森林"), ("river", "河边"), ("village", "村子"), ("garden", "花园"), ("hill", "山上"), ("lake", "湖边"),
    ("market", "市场"), ("school", "学校"), ("farm", "农场"), ("bridge", "桥边"), ("valley", "山谷"), ("island", "小岛"),
    ("beach", "海边"), ("field", "田野"), ("castle", "城堡"), ("park", "公园"), ("town", "小镇"), ("cave", "山洞"),
]

THINGS = [
    ("key", "钥匙"), ("lamp", "油灯"), ("kite", "风筝"), ("drum", "小鼓"), ("map", "地图"), ("hat", "帽子"), ("basket", "篮子"),
    ("bell", "铃铛"), ("boat", "小船"), ("book", "故事书"), ("cake", "蛋糕"), ("ring", "戒指"), ("box", "盒子"), ("mirror", "镜子"),
    ("cup", "杯子"), ("coat", "外衣"), ("ladder", "梯子"), ("flute", "笛子"), ("blanket", "毯子"), ("letter", "信件"),
    ("stone", "石头"), ("feather", "羽毛"), ("flower", "花朵"), ("clock", "时钟"), ("rope", "绳子"), ("seed", "种子"),
]

ADJECTIVES = [
    ("little", "小小的"), ("brave", "勇敢的"), ("clever", "聪明的"), ("kind", "善良的"), ("lazy", "懒懒的"), ("quiet", "安静的"),
    ("happy", "快乐的"), ("old", "年老的"), ("young", "年轻的"), ("hungry", "饥饿的"), ("shy", "害羞的"), ("curious", "好奇的"),
    ("gentle", "温柔的"), ("busy", "忙碌的"), ("proud", "骄傲的"), ("tired", "疲倦的"),
]

COLOURS = [
    ("red", "红色的"), ("blue", "蓝色的"), ("green", "绿色的"), ("golden", "金色的"), ("silver", "银色的"), ("white", "白色的"),
    ("black", "黑色的"), ("shiny", "闪亮的"), ("tiny", "很小的"), ("strange", "奇怪的"), ("broken", "破旧的"), ("heavy", "沉重的"),
]

WEATHER = [
    ("sunny", "晴朗"), ("rainy", "下雨"), ("windy", "刮风"), ("cold", "寒冷"), ("warm", "温暖"), ("cloudy", "多云"),
    ("snowy", "下雪"), ("foggy", "有雾"),
]

TIMES = [
    ("morning", "早上"), ("afternoon", "下午"), ("evening", "傍晚"), ("night", "夜里"), ("day", "天"),
]

FOODS = [
    ("bread", "面包"), ("soup", "汤"), ("honey", "蜂蜜"), ("berries", "浆果"), ("nuts", "坚果"), ("cheese", "奶酪"),
    ("rice", "米饭"), ("tea", "茶"), ("noodles", "面条"), ("milk", "牛奶"),
]

FEELINGS = [
    ("happy", "高兴"), ("proud", "自豪"), ("calm", "平静"), ("grateful", "感激"), ("surprised", "惊讶"), ("excited", "激动"),
]


def pick(rng, language, pairs):
    """One word of a list of pairs, in the wanted language."""
    english, chinese = rng.choice(pairs)
    return english if language == "en" else chinese
