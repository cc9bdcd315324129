// LINE's sticker pictures are not ours to show: a drawn emoji stands for each of the few that the tray offers.

export const STICKERS = [
  { id: "1988", word: "こんにちは", face: "👋", keywords: ["hello", "hi"] },
  { id: "1989", word: "うれしい", face: "😊", keywords: ["happy", "smile"] },
  { id: "1990", word: "ありがとう", face: "🙏", keywords: ["thanks"] },
  { id: "2007", word: "かなしい", face: "😢", keywords: ["sad", "cry"] },
  { id: "2005", word: "つかれた", face: "😮‍💨", keywords: ["tired"] },
  { id: "2014", word: "おやすみ", face: "😴", keywords: ["sleep", "good night"] },
];

export const stickerOf = (message) =>
  STICKERS.find((one) => message.packageId === "446" && one.id === message.stickerId) ?? { word: "スタンプ", face: "🙂" };
