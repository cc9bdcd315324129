"""Short names of topics, categories and signals for chips and cards, as literals of the catalog.

The rule: every id of content/vocabulary.yaml that a resident may meet has a name here (the content check looks);
a chip's name stays within LINE's 20 characters in every language.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.messages import N_, Phrase

#: The kinds of signals; a desk may be there for some of them before others.
SIGNALS = frozenset({"crisis", "abuse", "dv", "medical", "anxiety", "development", "hardship"})

TOPICS: Mapping[str, str] = {
    "nursery": N_("保育園"),
    "kindergarten": N_("幼稚園"),
    "kodomoen": N_("認定こども園"),
    "small_nursery": N_("小規模保育など"),
    "extended_care": N_("延長保育"),
    "universal_daycare": N_("誰でも通園制度"),
    "temporary_care": N_("一時預かり"),
    "sick_child_care": N_("病児・病後児保育"),
    "family_support": N_("ファミサポ"),
    "short_stay": N_("ショートステイ"),
    "after_school": N_("学童"),
    "parenting_salon": N_("子育てひろば"),
    "parent_circle": N_("サークル・集まり"),
    "newborn_visit": N_("赤ちゃん訪問"),
    "home_visit_support": N_("家に来る手伝い"),
    "postnatal_care": N_("産後ケア"),
    "prenatal_checkup": N_("妊婦健診"),
    "pregnancy_registration": N_("妊娠届・母子手帳"),
    "birth_procedures": N_("出産後の手続き"),
    "infant_checkup": N_("乳幼児健診"),
    "vaccination": N_("予防接種"),
    "child_allowance": N_("児童手当"),
    "medical_subsidy": N_("子どもの医療費"),
    "childcare_fee": N_("保育料"),
    "single_parent": N_("ひとり親の支援"),
    "disability_support": N_("児童発達支援"),
    "night_clinic": N_("夜間・休日の診療"),
    "feeding": N_("授乳・離乳食"),
    "sleep": N_("夜泣き・睡眠"),
    "toilet_and_habits": N_("トイレ・しつけ"),
    "return_to_work": N_("仕事に戻る"),
    "moving": N_("引っ越し"),
    "school_entry": N_("小学校入学"),
    "interpreter": N_("通訳"),
    "japanese_class": N_("日本語教室"),
    "living_support": N_("生活・食べもの"),
    "consultation": N_("相談できる場所"),
    "medical_care": N_("小児科など"),
    "mental_health": N_("こころの相談"),
    "pregnancy_loss": N_("流産・死産のこと"),
    "unplanned_pregnancy": N_("予期せぬ妊娠"),
    "divorce_custody": N_("離婚・親権"),
    "residence_status": N_("在留資格・国籍"),
    "school_worries": N_("不登校・思春期"),
    "becoming_helper": N_("支える側になる"),
    "disaster": N_("災害のとき"),
    "complaint": N_("要望・苦情"),
    "privacy": N_("自分の記録"),
}

#: What nobody else may read over a shoulder: the first line that is said about it names nothing (CARE C21).
PRIVATE = frozenset({"pregnancy_loss", "unplanned_pregnancy", "mental_health", "divorce_custody"})

#: What one begins to use and comes back to, so that it can be asked how it went (function 32); nothing
#: that names a child's or parent's condition, since the question comes unasked.
BEGUN = frozenset(
    {
        "temporary_care",
        "family_support",
        "sick_child_care",
        "nursery",
        "kodomoen",
        "small_nursery",
        "kindergarten",
        "universal_daycare",
        "short_stay",
        "home_visit_support",
        "postnatal_care",
        "parenting_salon",
        "parent_circle",
        "after_school",
    }
)

CATEGORIES: Mapping[str, str] = {
    "nursery": N_("認可保育園"),
    "unlicensed_nursery": N_("認可外保育施設"),
    "kindergarten": N_("幼稚園"),
    "kodomoen": N_("認定こども園"),
    "community_nursery": N_("小さな保育園"),
    "temporary_care": N_("一時預かり"),
    "sick_child_care": N_("病児・病後児保育"),
    "family_support_center": N_("ファミリー・サポート・センター"),
    "short_stay": N_("ショートステイ"),
    "after_school": N_("学童"),
    "childrens_hall": N_("児童館"),
    "parenting_salon": N_("子育てひろば"),
    "parent_circle": N_("子育てサークル"),
    "consultation_desk": N_("相談窓口"),
    "health_center": N_("保健センター"),
    "midwifery": N_("助産所"),
    "postnatal_care": N_("産後ケア"),
    "clinic": N_("病院・診療所"),
    "child_development": N_("児童発達支援"),
    "child_guidance": N_("児童相談所"),
    "welfare_office": N_("福祉の窓口"),
    "city_office": N_("市役所の窓口"),
    "school": N_("学校"),
    "education_support": N_("教育相談"),
    "interpreter_desk": N_("通訳・外国語の窓口"),
    "japanese_class": N_("日本語教室"),
    "food_support": N_("食べものの支援"),
    "volunteer_group": N_("ボランティア"),
    "support_scheme": N_("制度"),
    "event": N_("イベント"),
    "baby_station": N_("赤ちゃんの駅"),
    "park": N_("公園"),
    "library": N_("図書館"),
    "evacuation_site": N_("避難場所"),
    "other": N_("そのほか"),
}

#: Conditions and equipment of a place (`directory.resources.ATTRIBUTES`), short enough for a card.
ATTRIBUTES: Mapping[str, str] = {
    "refresh_ok": N_("休むために使える"),
    "same_day": N_("その日に申し込める"),
    "registration_first": N_("先に登録がいる"),
    "work_needed": N_("仕事などの理由がいる"),
    "certificate_needed": N_("認定や証明書がいる"),
    "residents_only": N_("市内に住む人だけ"),
    "neighbours_welcome": N_("近くの町の人も使える"),
    "meal": N_("食事がある"),
    "pick_up": N_("送り迎えがある"),
    "overnight": N_("泊まれる"),
    "fathers_welcome": N_("父親も多い"),
    "foreign_languages": N_("外国語でも話せる"),
    "accessible": N_("車いす・ベビーカーで入れる"),
    "parking": N_("駐車場がある"),
    "nursing_room": N_("授乳できる"),
    "diaper_changing": N_("おむつを替えられる"),
    "online": N_("オンラインでも使える"),
    "anonymous_ok": N_("名前を言わずに相談できる"),
}


#: What a price is for, where sources say it in the usual words (`directory.resources.CostOption`).
COST_OPTIONS: Mapping[str, str] = {
    "1時間": N_("1時間"),
    "30分": N_("30分"),
    "半日": N_("半日"),
    "1日": N_("1日"),
    "1泊": N_("1泊"),
    "1回": N_("1回"),
    "月": N_("月"),
    "年会費": N_("年会費"),
    "給食": N_("給食"),
}


def topic(id: str) -> Phrase:
    """Return the short name of a topic."""
    return Phrase(TOPICS[id])


def category(id: str) -> Phrase:
    """Return the short name of a category."""
    return Phrase(CATEGORIES.get(id, CATEGORIES["other"]))
