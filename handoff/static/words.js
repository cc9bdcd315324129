// What scripts say, in the language of the page. The rule: each sentence stands as a literal in its call of `say`, by
// which it is found to be translated (handoff/wording.py); where the English words do not come, it is said in Japanese.

const { dataset: { root }, lang } = document.documentElement;
const LATEST = 3000; // milliseconds: nothing that warns waits longer for its words

const words = lang !== "en" ? {} : await Promise.race([
  import(`${root}/words.js`).then((found) => found.default, () => ({})),
  new Promise((done) => { setTimeout(done, LATEST, {}); }),
]);

// Say a sentence with its `{names}` filled; `{count|case|cases}` is the first word where count is 1.
export function say(sentence, values = {}) {
  return (words[sentence] ?? sentence).replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (_place, name, one, many) => (
    one === undefined ? values[name] : String(values[name]) === "1" ? one : many
  ));
}
