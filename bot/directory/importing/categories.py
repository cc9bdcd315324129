"""Finds the category of a row from what its city calls it: kind, remark, file name, title, name.

The rule: the first evidence that says something decides; when nothing does, the row has no category.
"""

from __future__ import annotations

import re
import unicodedata

_BY_WORD: tuple[tuple[str, str], ...] = (
    (r"赤ちゃんの駅|あかちゃんの?えき|baby_?station", "baby_station"),
    (r"病児|病後児|sick_child|byoji", "sick_child_care"),
    (r"ファミリー・?サポート|ファミサポ|family_?support", "family_support_center"),
    (r"ショートステイ|トワイライト|子育て短期支援", "short_stay"),
    (r"放課後等デイ|児童発達支援|発達支援|療育|障(?:害|がい)児|hokago_?day", "child_development"),
    (r"放課後(?:児童|子ども教室)|学童|児童クラブ|children_?club|after_?school|gakudo", "after_school"),
    (r"地域型保育|小規模保育|家庭的保育|事業所内保育|居宅訪問型保育", "community_nursery"),
    (r"認可外|企業主導型|ベビーホテル|unapproved|unlicensed|company_led", "unlicensed_nursery"),
    (r"認定こども園|こども園|kodomoen", "kodomoen"),
    (r"産後ケア", "postnatal_care"),
    (r"助産|midwifery", "midwifery"),
    (r"地域子育て支援|子育て支援(?:センター|拠点)|つどいの広場|子育てひろば|child_?rearing_support", "parenting_salon"),
    (r"児童館|児童センター|子ども館|こども館|childrens_hall|jido[uk]*kan", "childrens_hall"),
    (r"幼稚園|kindergarten|youchien", "kindergarten"),
    (r"一時預かり|一時保育|誰でも通園|temporary_c", "temporary_care"),
    (r"保育所|保育園|保育施設|保育室|nursery_school|hoiku", "nursery"),
    (r"こども家庭センター|子育て世代包括|相談窓口", "consultation_desk"),
    (r"児童相談所", "child_guidance"),
    (r"福祉事務所", "welfare_office"),
    (r"保健所|保健センター|保健ステーション|health_center", "health_center"),
    (r"子育てサークル|親子サークル", "parent_circle"),
    (r"病院|診療所|医院|クリニック|歯科|小児科|医療機関|hospital|clinic|kyuugobyou", "clinic"),
    (r"図書館|図書室|library", "library"),
    (r"公園|遊び場|park(?!ing)", "park"),
    (r"小学校|中学校|school_list|elementary", "school"),
    (r"教育支援センター|適応指導", "education_support"),
    (r"日本語教室", "japanese_class"),
    (r"子ども食堂|こども食堂|フードバンク|フードパントリー", "food_support"),
    (r"避難所|避難場所|evacuation", "evacuation_site"),
    (r"イベント|行事|講座|^events?\b|_event", "event"),
    (r"市役所|区役所|町役場|村役場|支所|市民サービスセンター", "city_office"),
    (r"通訳|多文化|外国人相談", "interpreter_desk"),
    (r"ボランティア", "volunteer_group"),
    (r"支援制度|給付金|手当|助成|補助金", "support_scheme"),
    (r"公民館|福祉会館|福祉センター|公共施設|public_facilit|児童養護施設|community_center|facilities_welfare", "other"),
    (r"^行政窓口$", "city_office"),
    (r"^通訳・多言語窓口$", "interpreter_desk"),
    (r"^ボランティア団体$", "volunteer_group"),
    (r"^支援制度$", "support_scheme"),
    (r"^その他$", "other"),
)
_COMPILED = tuple((re.compile(pattern), category) for pattern, category in _BY_WORD)
LONGEST_KIND = 40  # characters: a longer remark is a story, not a kind


def category_named(words: str) -> str:
    """Return the category that some words name; empty when they name none.

    What stands before a bracket weighs more: 子育て支援センター（ファミリー・サポート・センター併設）.
    """
    folded = unicodedata.normalize("NFKC", words).strip().lower()
    for part in (folded.split("(")[0], folded):
        for pattern, category in _COMPILED:
            if pattern.search(part):
                return category
    return ""


def category_of(kind: str, remark: str, section: str, title: str, file: str, name: str) -> str:
    """Return the category that the first telling piece of evidence names; empty when none does.

    `section`: a category that a heading within the table gave already. A remark counts if it is short, a name last;
    その他 says something only when nothing else does, and a kind that we do not know is その他 too.
    """
    told = category_named(kind) or category_named(remark if len(remark) <= LONGEST_KIND else "") or section
    around = [category_named(title), category_named(file), "" if told else category_named(name)]
    telling = [category for category in (told, *around, "other" if kind.strip() else "") if category]
    return next((category for category in telling if category != "other"), telling[0] if telling else "")


def narrowed(category: str, remark: str) -> str:
    """Return 地域型保育 for a nursery whose remark says so (備考 小規模保育事業), else `category`."""
    if category == "nursery" and re.search(r"小規模保育|家庭的保育|事業所内保育", remark):
        return "community_nursery"
    if category == "nursery" and "企業主導型" in remark:
        return "unlicensed_nursery"
    return category


def clinic_topics(name: str, subjects: str) -> tuple[str, ...]:
    """Return what a clinic is offered for: only what its name or its 診療科目 say, since most are not for children."""
    if re.search(r"夜間|休日|急病|急患", name):
        return ("night_clinic",)
    if not subjects.strip():
        return ("medical_care",)
    found = []
    if re.search(r"小児|産科|産婦人科|婦人科", subjects):
        found.append("medical_care")
    if re.search(r"精神科|心療内科", subjects):
        found.append("mental_health")
    return tuple(found)
