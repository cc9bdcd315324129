// How the words on our buttons are read, so that they are found in kana and in Latin letters too.

const WORDS = {
  相談: "そうだん", 当番: "とうばん", 地域の人: "ちいきのひと", 地域資源: "ちいきしげん", 地域: "ちいき", 連携先: "れんけいさき", 定型文: "ていけいぶん",
  保存: "ほぞん", 直: "なお", 残: "のこ", 印刷: "いんさつ", 閉: "と", 終: "お", 引き継: "ひきつ", 継: "つ", 出す: "だす", 書: "か", 消す: "けす",
  読んだ人: "よんだひと", 二人目: "ふたりめ", 一人: "ひとり", 人: "ひと", 読: "よ", 電話: "でんわ", 記録: "きろく", 選: "えら", 場所: "ばしょ", 送: "おく",
  加え: "くわえ", 見る: "みる", 見た: "みた", 警報: "けいほう", 音: "おと", 変わ: "かわ", 返事: "へんじ", 返信: "へんしん", 緊急度: "きんきゅうど",
  緊急: "きんきゅう", 下げ: "さげ", 窓口: "まどぐち", 戻: "もど", 保留: "ほりゅう", 確かめ: "たしかめ", 正し: "ただし", 知らせ: "しらせ", 列: "れつ", 次: "つぎ",
  方: "かた", 受け: "うけ", 担当: "たんとう", 者: "しゃ", 手: "て", 子: "こ", 夜: "よる", 紙: "かみ", 台帳: "だいちょう", 取り入: "とりい", 取り下: "とりさ",
  入れ: "いれ", 使う: "つかう", 別: "べつ", 件数: "けんすう", 足す: "たす", 操作: "そうさ", 同意: "どうい", 分か: "わか", 伏せ: "ふせ", 代わ: "かわ",
  一覧: "いちらん", 約束: "やくそく", 画面: "がめん", 選んだ: "えらんだ", 呼ぶ: "よぶ", 呼: "よ", 言語: "げんご", 本文: "ほんぶん", 取: "と", 番号: "ばんごう",
  分: "ふん", 前の: "まえの", 同じ: "おなじ", 明る: "あかる", 今週: "こんしゅう", 重: "かさ", 意見: "いけん", 届: "とど", 新しい: "あたらしい", 新: "あたら",
  同僚: "どうりょう", 名前: "なまえ", 二人: "ふたり", 開: "ひら", 引用: "いんよう", 写真: "しゃしん", 翻訳: "ほんやく", 警察: "けいさつ", 渡す: "わたす",
  願: "ねが", 練習: "れんしゅう", 見方: "みかた", 中: "なか", 手伝: "てつだ", 申し出: "もうしで", 入: "いり", 切: "きり", 日以内: "にちいない",
};
const KANA = {
  あ: "a", い: "i", う: "u", え: "e", お: "o", か: "ka", き: "ki", く: "ku", け: "ke", こ: "ko", さ: "sa", し: "si", す: "su", せ: "se", そ: "so",
  た: "ta", ち: "ti", つ: "tu", て: "te", と: "to", な: "na", に: "ni", ぬ: "nu", ね: "ne", の: "no", は: "ha", ひ: "hi", ふ: "hu", へ: "he", ほ: "ho",
  ま: "ma", み: "mi", む: "mu", め: "me", も: "mo", や: "ya", ゆ: "yu", よ: "yo", ら: "ra", り: "ri", る: "ru", れ: "re", ろ: "ro", わ: "wa", を: "o", ん: "n",
  が: "ga", ぎ: "gi", ぐ: "gu", げ: "ge", ご: "go", ざ: "za", じ: "zi", ず: "zu", ぜ: "ze", ぞ: "zo", だ: "da", ぢ: "zi", づ: "zu", で: "de", ど: "do",
  ば: "ba", び: "bi", ぶ: "bu", べ: "be", ぼ: "bo", ぱ: "pa", ぴ: "pi", ぷ: "pu", ぺ: "pe", ぽ: "po", ゃ: "ya", ゅ: "yu", ょ: "yo", ー: "",
  ぁ: "a", ぃ: "i", ぅ: "u", ぇ: "e", ぉ: "o",
};
const LONGEST_FIRST = Object.keys(WORDS).sort((one, other) => other.length - one.length).join("|");

export function plain(text) { // one way of writing: width, case, katakana
  const folded = text.normalize("NFKC").toLowerCase();
  return folded.replace(/[ァ-ヶ]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) - 0x60));
}

export function reading(label) {
  return plain(label.replace(new RegExp(LONGEST_FIRST, "g"), (word) => WORDS[word]));
}

// Latin letters in one spelling: shi is si.
export function spelled(text) {
  const letters = text.replace(/sh/g, "sy").replace(/ch/g, "ty").replace(/ts/g, "t").replace(/j/g, "zy").replace(/f/g, "h");
  return letters.replace(/yi/g, "i").replace(/wo/g, "o").replace(/n['n]/g, "n");
}

export function short(letters) { // sodan is soudan
  return letters.replace(/ou|oo|ō/g, "o").replace(/uu|ū/g, "u");
}

export function latin(kana) {
  const letters = kana
    .replace(/[きしちにひみりぎじびぴ][ゃゅょ]/g, ([first, small]) => KANA[first].slice(0, -1) + KANA[small])
    .replace(/[ぁ-んー]/g, (letter) => KANA[letter] ?? letter)
    .replace(/っ([a-z])/g, "$1$1");
  return spelled(letters);
}
