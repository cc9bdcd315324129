"""A wider probe of signals, written against the rules and apart from their files: one line per way of saying it.

These lines were used to mend the rules, so they guard against steps back; they do not measure how well unseen words
are heard (issue B's frozen split, written by somebody else, will).
"""

from __future__ import annotations

import pytest

from bot.messages import Severity
from tests.talk import content

SIGNALS = content().hearing.signals

PROBE = """
abuse emergency 赤ちゃんをガクガク揺さぶってしまいました
abuse emergency うるさくて赤ちゃんの口を手でふさいだ
abuse emergency 子どもを殺しそう
abuse emergency わが子を手にかけてしまいそう
abuse emergency I shook the baby and now he is quiet
abuse emergency I covered my baby's mouth to stop the crying
abuse emergency I think I'm going to kill my son
abuse urgent 子どもをたたいてしまう自分が怖い
abuse urgent さっき3歳の息子を平手打ちしてしまいました
abuse urgent 泣き止まなくて思わずほっぺたを叩いた
abuse urgent 手をあげてしまいそうです。助けて
abuse urgent イライラが爆発して娘を突き飛ばしました
abuse urgent 毎日のように子どもを殴っています
abuse urgent しつけのつもりで叩いています
abuse urgent お尻を何度も叩いてしまった
abuse urgent 子どもを蹴ってしまった
abuse urgent 赤ちゃんを放り投げたくなる
abuse urgent 生後2か月の子を叩きたくなってしまう
abuse urgent 旦那が子供に手をあげます
abuse urgent 元夫が面会のとき娘を叩くみたいです
abuse urgent 娘が、おじいちゃんにお股をさわられたって言うんです
abuse urgent パパがぼくをけるの
abuse urgent お母さんに毎日殴られています。助けてください
abuse urgent 家に帰るとたたかれるから帰りたくない
abuse urgent 同じクラスの子が顔にあざをつくって登園してきます
abuse urgent I'm afraid I'll hit my child
abuse urgent I'm so tired and I nearly slapped my baby
abuse urgent I smacked my toddler really hard today
abuse urgent I lost my temper and hit my daughter
abuse urgent i beat my kids when i get angry
abuse urgent I shoved him against the wall
abuse urgent I'm worried I will end up hurting my baby
abuse urgent I want to shake the baby to make her stop crying
abuse urgent my husband beats our children
abuse urgent My boyfriend hit my 2 year old
abuse urgent The daycare teacher slapped my son
abuse urgent my uncle touches me at night
abuse urgent mommy hits me with a belt
abuse urgent こどもを たたいて しまいます
abuse urgent きょう むすめを たたいた
abuse urgent わたし こども たたく とまらない
abuse urgent こどもに てを あげました
abuse urgent 夫は こどもを なぐる
abuse urgent 息子の首を絞めてしまった
abuse urgent 今日、子どもに手をあげました
abuse urgent 手をあげてしまい自己嫌悪です
abuse urgent つい、娘をぶってしまいました
abuse urgent もう子どもを殴りたい
abuse urgent 子どもを叩くのを止められません
abuse urgent 娘の髪をつかんで引きずってしまった
abuse urgent 赤ちゃんをベッドに投げつけた
abuse urgent 泣き声を聞くと殴りたくなる。限界です
abuse urgent このままじゃ虐待してしまう
abuse urgent 虐待しそうです
abuse urgent 子どもに手を出してしまう前に相談したい
abuse urgent 子供を家に置いて夜の仕事に行っている
abuse urgent 小2の姪が父親に叩かれていると話しました
abuse urgent 彼が息子をお風呂に沈めました
abuse urgent 夫が赤ちゃんを揺さぶりました
abuse urgent 子どもの体に知らないあざが増えています
abuse urgent お父さんに裸の写真をとられた
abuse urgent ぼくは小4です。お父さんがなぐってきます
abuse urgent ママがずっとかえってこない。おなかすいた
abuse urgent 塾の先生に体を触られたと娘が言いました
abuse urgent i hit my son with a belt
abuse urgent I spanked my daughter too hard
abuse urgent I screamed and threw him on the bed
abuse urgent I'm afraid I might snap and hurt her
abuse urgent I got so angry I slapped my 3 year old
abuse urgent I leave my 5 year old home alone when I work nights
abuse urgent my baby has bruises and I don't know why
abuse urgent My husband shakes the baby when she cries
abuse urgent my mother-in-law slaps my son
abuse urgent someone touched my daughter's private parts
abuse urgent i'm 13 my dad beats me
abuse urgent my neighbor is hitting her little boy
abuse concern 将来、自分も虐待してしまうんじゃないかと不安
abuse concern アパートの上の階で、子どもを怒鳴る声が毎日します
abuse concern Is it abuse if I yell at my kids every day?
anxiety urgent もう限界。育児できない
anxiety urgent 母親をやめたいです
anxiety urgent I can't do it anymore, please help
anxiety urgent 限界です助けてください
anxiety urgent もう育児できません
anxiety urgent 体が動かない。ごはんも作れない
anxiety urgent もう何もできない。赤ちゃんが泣いていても動けない
anxiety urgent I can't take care of my baby anymore
anxiety urgent I have not slept for 4 nights
anxiety concern もう疲れました
anxiety concern 一人で抱え込んでしまって苦しいです
anxiety concern 子育てが楽しくない
anxiety concern 誰も味方がいません
anxiety concern 私って母親失格なのかな
anxiety concern かわいいと思えない
anxiety concern 眠れない日が続いています
anxiety concern わけもなく涙がこぼれます
anxiety concern I feel like I'm failing as a mother
anxiety concern i have nobody to help me
anxiety concern I'm so tired I could cry
anxiety concern I don't feel any love for my baby
anxiety concern I think I'm depressed
anxiety concern わたしは ひとりです。つらいです
anxiety concern 育児ノイローゼかも
anxiety concern 産後うつでしょうか。毎日泣いています
anxiety concern ワンオペでつらい
anxiety concern こんな母親でごめんね
anxiety concern 私には子育て無理でした
anxiety concern 育児が孤独
anxiety concern 助けを求められる人がいない
anxiety concern 夫は何もしてくれない。一人で全部やってます
anxiety concern I feel so alone in Japan
anxiety concern I cry all the time
anxiety concern I'm a terrible mom
anxiety concern I feel guilty for leaving my baby at daycare
anxiety concern I'm burnt out
crisis emergency マンションの屋上にいます。もう無理です
crisis emergency 子どもと一緒に消えたい
crisis emergency ODしました
crisis emergency 家族みんなで死ぬしかない
crisis emergency I swallowed a whole bottle of sleeping pills
crisis emergency I will kill myself and take my baby with me
crisis emergency Tonight I will end my life
crisis emergency i have the rope ready
crisis emergency あかちゃんと いっしょに しにます
crisis emergency 子どもを道連れに死にたい
crisis emergency ベランダから子どもと飛び降りようとしました
crisis emergency I want to drive my car off a bridge with my kids
crisis emergency I took 20 tylenol
crisis urgent もう消えてしまいたいと毎日思っています
crisis urgent いっそ死んでしまえたら楽なのに
crisis urgent このまま朝が来なきゃいいのに
crisis urgent 死にたくなってきた
crisis urgent もう死にたいよ…
crisis urgent もうしにたいです。ごめんなさい
crisis urgent 生きてる価値ない
crisis urgent 私が死んだら保険金で子どもは暮らせるかな
crisis urgent いなくなったほうがいいのかな、私
crisis urgent 自分なんていなくなればいいのに
crisis urgent 4にたい…
crisis urgent 生きるの疲れた
crisis urgent 生きてくのしんどい
crisis urgent もう楽にさせてください
crisis urgent 眠ったまま目が覚めなければいいのに
crisis urgent 死ねば楽になるのかな
crisis urgent 死んで楽になりたい
crisis urgent i just don't want to be alive anymore
crisis urgent I keep having thoughts of suicide
crisis urgent I wanna disappear forever
crisis urgent i cut my arms last night
crisis urgent I wish I didn't exist.
crisis urgent I cant live anymore
crisis urgent I feel like dying
crisis urgent i want to sleep and never wake up
crisis urgent My husband keeps saying he wants to die
crisis urgent もう いきていたく ないです
crisis urgent わたしは しんでも いいです
crisis urgent もう死んじゃおうかな
crisis urgent 死んでしまおうか
crisis urgent 子どもを残して死ねないけど、死にたい
crisis urgent 毎晩、死ぬことを考えてしまいます
crisis urgent 自分が消えればいいと思う
crisis urgent ママ、もう生きるのやめたい
crisis urgent 妊娠してから死にたい気持ちが消えません
crisis urgent 死にたい、でも死ねない
crisis urgent 希死念慮があります
crisis urgent 生きてていいのかな
crisis urgent もう死んだほうがいいよね
crisis urgent 産後ずっと死にたい
crisis urgent 自殺の仕方を調べてしまう
crisis urgent 主人が自殺しようとしています
crisis urgent カッターで腕を切りました
crisis urgent i hate my life i want to die
crisis urgent I don't see a reason to keep living
crisis urgent my kids deserve better, they'd be better without me
crisis urgent I've thought about ending things
crisis urgent I'm having suicidal thoughts since the birth
development concern 2歳児がすぐ手を出します
development concern 1歳10か月ですが、まだ意味のある言葉が出ません
development concern 癇癪がひどくて手に負えません
development concern 発達がゆっくりな気がします
development concern 視線が合いません
development concern 健診で様子を見ましょうと言われて不安
development concern My son hits other children
development concern He is 2 and doesn't say any words
development concern I'm worried about autism
development concern my daughter has huge tantrums
development concern 2歳で単語が5つくらいしか出ません
development concern 自閉症ではないかと心配
development concern 多動かもしれない
development concern 保育園で集団行動ができないと言われた
development concern うちの子、目を合わせてくれない
development concern my son is 3 and not talking
development concern my daughter doesn't make eye contact
development concern He might have ADHD
dv emergency 助けて殺される
dv emergency My husband strangled me
dv emergency he said he will kill me tonight
dv emergency he locked me in the room and won't let me out
dv emergency My husband is outside the door and says he'll kill me
dv urgent 彼に突き飛ばされて流産しそうです
dv urgent 酔った夫にビンタされました
dv urgent 妻から暴力を受けています
dv urgent 昨夜また殴られた
dv urgent 義父に叩かれました
dv urgent my husband beats me
dv urgent He punched me in the face
dv urgent I was hit by my boyfriend again
dv urgent my partner is abusive
dv urgent I ran away from my husband because he hits me
dv urgent My husband took my passport and residence card
dv urgent my ex took my kids and I don't know where they are
dv urgent だんなさんが わたしを たたく
dv urgent おっとは わたしに ぼうりょくを します
dv urgent 夫が私の首を絞めたり殴ったりします
dv urgent 彼氏のDVから逃げてきました
dv urgent 夫に殴られて顔が腫れています
dv urgent 旦那に物を投げられました
dv urgent パートナーに蹴られました
dv urgent 夫が暴力をふるうので家を出たい
dv urgent 夫に突き飛ばされて妊娠中のお腹を打ちました
dv urgent 姑に叩かれます
dv urgent 離婚するなら子どもを殺すと脅されました
dv urgent my husband pushed me down the stairs
dv urgent He hits me when he's drunk
dv urgent my boyfriend threatened me
dv urgent my husband raped me
dv concern 夫の機嫌をうかがう毎日です
dv concern お前は役立たずだと毎日言われます
dv concern GPSで行動を監視されています
dv concern My husband never gives me money and controls what I buy
dv concern I'm scared of my husband
dv concern おっとは おかねを くれない
dv concern 旦那に暴言を吐かれます
dv concern 夫が怖くて帰れない
dv concern 家計を全部握られてお金を使わせてもらえない
dv concern he monitors my phone
dv concern my husband doesn't let me work
dv concern He calls me stupid every day
hardship urgent ミルク代がありません
hardship urgent アパートを出て行けと言われました。行くあてがありません
hardship urgent 陣痛が来ても病院に行けません。未受診です
hardship urgent we have no money for formula
hardship urgent I was kicked out of my house with my baby
hardship urgent きょう たべる ものが ないです
hardship urgent ミルクを かう おかねが ないです
hardship urgent お米もミルクももうありません
hardship urgent 子どもと二人、今夜寝るところがありません
hardship urgent 給料日まであと200円しかない
hardship urgent 夫に追い出されて行くところがない
hardship urgent My kids haven't eaten today, no money
hardship urgent my landlord kicked us out
hardship urgent I'm living in my car with my toddler
hardship concern 給料が少なくて生活できません
hardship concern まだ学生なのに妊娠したかもしれない
hardship concern I lost my job and can't pay rent
hardship concern I'm pregnant and my boyfriend left
hardship concern 生活保護を受けたい
hardship concern シングルで生活が苦しいです
hardship concern リストラされました
hardship concern 望まない妊娠をしました
hardship concern I can't afford diapers
hardship concern we can't pay our bills
hardship concern I got pregnant and I don't want it
medical emergency 息してない助けて
medical emergency 子どもがけいれんして白目をむいています
medical emergency 1歳の娘がボタン電池を飲んだかもしれません
medical emergency お風呂でおぼれました
medical emergency 顔色が真っ青でぐったりしています
medical emergency 公園で目を離したら息子がいなくなってしまいました
medical emergency 妊娠32週ですが大量に出血しています
medical emergency 家で赤ちゃんが生まれてしまいました
medical emergency my baby stopped breathing
medical emergency My daughter is having a seizure right now
medical emergency My son is choking on a grape
medical emergency my toddler drank detergent
medical emergency I can't find my son he was at the park
medical emergency My daughter is lost
medical emergency contractions every 3 minutes and I'm alone
medical emergency I'm 30 weeks pregnant and I'm bleeding a lot
medical emergency The voices tell me to hurt the baby
medical emergency むすこが いなくなりました
medical emergency あかちゃんが でんちを のんだ
medical emergency 子どもが階段から落ちて意識がありません
medical emergency 娘が呼んでも起きません
medical emergency 息子が川に落ちました
medical emergency 赤ちゃんが窒息しました
medical emergency 頭を打って吐いています
medical emergency アレルギーで息が苦しそうです
medical emergency ハイターを飲んだみたい
medical emergency 3歳の子が帰ってきません
medical emergency 急に産まれそう！どうしよう！一人です
medical emergency 産後、誰かに監視されている声がします
medical emergency my son is not responding
medical emergency she is turning blue
medical emergency my 1 year old drank perfume cleaner
medical emergency He fell from the second floor balcony
medical emergency My daughter ran away from home
medical emergency I'm home alone and the baby is coming
medical emergency my baby has a seizure
medical urgent 熱が40.1度です
medical urgent 昨夜けいれんしましたが今は寝ています
medical urgent 赤ちゃんがソファから落ちました
medical urgent My newborn has a fever of 38.5
medical urgent my baby fell off the changing table
medical urgent 吐き続けてぐったりしています
medical urgent ビー玉を飲んじゃった
medical urgent my baby hasn't had a wet diaper all day
medical urgent He had a seizure yesterday
medical concern My daughter has had a fever of 38.7 for two days
crisis urgent 俺もう生きてる意味わかんない
crisis urgent 消えてなくなってしまいたい衝動にかられる
crisis urgent 夜になると死にたさが増す
crisis urgent 私なんて死んでも誰も困らない
crisis urgent もういっそ事故にあって死ねたらいいのに
crisis urgent 母親の私が消えるのが一番いい
crisis urgent 高校生です。妊娠がばれたら死ぬしかない
crisis emergency 踏み台に立ってます
crisis emergency 赤ちゃんと海に入ろうと思った
crisis emergency 今までありがとうございました。さようなら
abuse urgent 父親です。息子に手を上げてしまいました
abuse urgent 泣きやまない娘にイライラして叩いちゃう
abuse urgent 気づいたら子供の腕を強くつかんでた
abuse urgent 孫を叩いてしまった
abuse urgent 里子を叩いてしまいそう
abuse urgent 怒りが抑えられなくて子どもに物を投げた
abuse urgent 口に布団を押し当てたくなった
abuse urgent ミルクを2日あげてない
abuse urgent 旦那が酔うと子供に暴力をふるう
abuse urgent 園の先生が子どもの頭を叩くのを見た
abuse urgent 兄におしりをさわられる
abuse urgent あたし中2。母親にぶたれる
abuse concern 近所で毎晩子どもが怒鳴られてる
dv urgent 旦那にまた叩かれた
dv urgent 旦那にぶん殴られた
dv urgent 彼にお腹を蹴られました。妊娠6か月です
dv urgent 夫に腕をつかまれて引きずられた
dv urgent 夫が物にあたって怖い。皿を投げられた
dv emergency 夫に殺されそうで逃げてます
dv urgent 妻に物を投げられたり叩かれたりします
dv concern 夫が働かせてくれない
dv concern 毎日お前が悪いと責められる
medical emergency 子どもの様子がおかしい、意識がない
medical emergency 赤ちゃんが青くなってる
medical emergency おもちゃの電池飲んだ
medical emergency 娘が行方不明です
medical emergency 血が大量に出てます妊婦です
medical emergency 体がピーンとなって目が上向いてる
medical urgent 生後40日の子が38.5度
medical urgent 赤ちゃんがベビーベッドから落ちて泣いてます
anxiety concern 毎日しんどくて泣いてばかり
anxiety concern 親になるんじゃなかった
anxiety concern 育児に疲れ果てた父です
anxiety concern 子どもがかわいくない
anxiety concern 旦那も親も頼れない
anxiety urgent もうやっていけません
anxiety urgent もう無理です。助けてください
anxiety urgent ごはんも食べられない、眠れない、動けない
development concern 3歳なのに会話にならない
development concern 息子が教室から飛び出してしまう
development concern こだわりがひどい
hardship urgent 今日の晩ごはんがない
hardship urgent 明日出ていけと大家に言われた
hardship urgent 電気が止まってて寒い、赤ちゃんがいる
hardship concern 仕事クビになった
hardship concern 食費を削ってます
crisis urgent Honestly I'd be happier if I were gone
crisis urgent i keep imagining my own death
crisis urgent I can't stop thinking about hanging myself
crisis urgent dying seems easier than this
abuse urgent I pulled my son's hair and yelled at him
abuse urgent I am scared that one day soon I'll snap and shake the baby
abuse urgent I've been rough with my newborn
abuse urgent My ex burned our daughter with a cigarette
abuse urgent My coach makes me take off my clothes
abuse urgent a teacher at the hoikuen tied my son to a chair
dv urgent my husband kicked me in the stomach, I'm pregnant
dv urgent he grabs me and throws me against the wall
dv emergency he's at the door with a hammer
dv concern my husband keeps all my salary
dv concern he says I'm worthless
medical emergency baby won't stop shaking and her eyes rolled back
medical emergency my kid ate rat poison
medical emergency my 3 year old is gone, I turned around and he was gone
medical urgent 2 month old with 38.4 temperature
medical urgent she fell down the stairs and her arm looks weird, she's 9 months old
anxiety concern I regret becoming a mother
anxiety concern nobody understands how hard this is
anxiety urgent I can't even get up to feed my baby
anxiety urgent Someone please help, I can't go on
development concern my son doesn't play with other kids
development concern she doesn't react to her name
hardship urgent we'll be on the street tomorrow
hardship urgent no milk for my baby tonight
hardship concern my hours were cut and we can't make rent
hardship concern I'm 17 and I think I'm pregnant
crisis urgent わたしが しんだら みんな らくです
crisis urgent いきる ちからが ありません
abuse urgent こどもを けって しまいました
abuse urgent おばあさんが こどもを いつも たたきます
abuse urgent こどもの うでを つよく ひっぱりました
dv urgent だんなが おさけ のむ わたし なぐる
dv urgent おっとに かみを ひっぱられました
dv concern おっとが まいにち おこります。こわいです
medical emergency あかちゃん いき ない たすけて
medical emergency こども くすり たくさん のんだ
anxiety concern わたし だめな ママ
anxiety concern だれも はなす ひとが いません
hardship urgent おかね ない。ミルク ない
hardship urgent きょう ねる ところ ない
development concern 3さい まだ ことば いわない
"""


@pytest.mark.parametrize("line", PROBE.strip().splitlines())
def test_the_probe_is_heard(line: str) -> None:
    """Each line is heard as its kind, at its severity or above."""
    kind, severity, text = line.split(None, 2)
    heard = {signal.kind: signal.severity for signal in SIGNALS.hear(text)}
    assert kind in heard, heard
    assert heard[kind].rank >= Severity(severity).rank
