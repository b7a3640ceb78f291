"""The English phrasebook of the sample: how customers and agents put things."""

from __future__ import annotations

FRAGMENTS: dict[str, str] = {
    "my": "{my|the|our|my|my new|the new}",
    "when": "{yesterday|on {Monday|Tuesday|Wednesday|Thursday|Friday|Saturday}|last {week|month|Friday}"
    "|{two|three|four|five|nine|ten} days ago|a {week|fortnight|month} ago|this morning|the other day}",
    "days": "{three|four|five|six|eight|ten|twelve} days",
    "ask": "{please|could you|can you|would you|I need you to|kindly}",
    "like": "{I would like|I want|I'd like|I am hoping|I need|we want}",
    "still": "{still|even now|to this day|as of today}",
    "bought": "{bought|ordered|got|purchased|picked up}",
    "shop": "{your {shop|site|store|web shop|team|company}|you|you people}",
    "part": "{cable|power cord|charger|lid|screw set|manual|battery|adapter|strap|filter|plug|stand|cover}",
    "broken": "{cracked|broken|in pieces|smashed|dented|scratched all over|bent|with a split case}",
    "fails": "{will not turn on|keeps switching off|shows a red light and nothing else|makes a grinding noise"
    "|freezes every {hour|few minutes}|does nothing when I press {start|the button}|gets far too hot|beeps all "
    "{day|night}"
    "|stopped working <when>|loses its settings every night|only works if I hold the plug}",
    "mum": "{my {mother|father|sister|neighbour|boss|daughter|flatmate}|a {friend|colleague}}",
}

STORIES: dict[tuple[str, str], tuple[str, ...]] = {
    ("refund", "refund_payment"): (
        "I {sent|shipped|posted} <my> <p> back <when> and the money is <still> {missing|not on my account|not here}",
        "<my> <p> went back to you <when>{, tracking says you have it|, signed for by your warehouse}. Where is "
        "my refund",
        "{no refund yet|nothing has been paid back} for the <p> I returned <when>",
        "you {took|accepted} the <p> back <when> and promised {my money|a refund} within <days>. {Nothing came|"
        "Not a cent}",
        "the {return|parcel} with <my> <p> reached you <when>, so {when do I get paid|where is my money|pay me back}",
        "{my bank shows no refund|I see no credit} although the <p> was returned <when>",
    ),
    ("refund", "send_return_label"): (
        "I {changed my mind about|no longer want|do not need} <my> <p>, it is {unopened|still boxed|unused}. "
        "How do I {send it back|return it}",
        "<my> <p> is {too big|too loud|too small|not my colour|not what I pictured}, <like> to {return it|give it "
        "back} "
        "{for a refund|and get my money}",
        "{how does a return work|what do I do to return something}? I <bought> a <p> <when> and {it is not for me"
        "|<mum> already has one|I regret it}",
        "<ask> tell me where to send <my> <p>, I {want to give it back|wish to return it} {unused|in its box}",
        "{the gift, a <p>,|the <p> I <bought>} {is not wanted|is the wrong size|does not fit our kitchen}, "
        "I still have it {here|at home} and want {to send it back|a refund}",
    ),
    ("billing_error", "refund_payment"): (
        "{I was charged|you charged me} twice for {one|a single|the same} <p>",
        "there are two {debits|payments|charges} on my {card|statement} for <my> <p>, I {ordered|bought} only one",
        "<my> <p> was {billed|charged|taken from my account} {two times|twice|double} <when>. Give me back one of them",
        "{why did you|how come you} {debit|charge} my account again for the <p>? I {already paid|had paid} <when>",
        "{a second payment|another charge|an extra debit} for <my> <p> showed up <when>, {that is wrong|please "
        "undo it}",
        "I paid for <my> <p> by {card|transfer|voucher} and then you took the money {once more|a second time}",
    ),
    ("billing_error", "correct_invoice"): (
        "the {invoice|bill} for <my> <p> {has|shows|lists} the wrong {price|tax|total|company name|quantity}",
        "<ask> {fix|correct|redo} the {bill|invoice} for the <p>, {the total is off|the tax is wrong|the name is "
        "not ours}",
        "I {got|received} an invoice for a <p> {with|that has} {a mistake|an error|a wrong total} {in it|on it}",
        "{your|the} bill for <my> <p> does not match {the offer|what we agreed|the order}",
        "{our accountant|my boss|the tax office} will not accept the <p> invoice because the {sum|tax number|date} "
        "is {wrong|incorrect}",
    ),
    ("late_delivery", "track_parcel"): (
        "<my> <p> was due <when> and {is not here|has not come|nobody rang}",
        "{where is|any news of|what happened to} <my> <p>? {It should have been here <when>|Ordered it <days> ago}",
        "I have been waiting <days> for {a|the} <p>, {when will it arrive|what is the status|where is the parcel now}",
        "the {courier|driver|tracking page} has said 'on its way' for <days>, {that is|it is} about <my> <p>",
        "still no {delivery|parcel|sign} of the <p> I <bought> <when>",
        "my <p> order {is late|is overdue|has not moved since it left you}, <ask> {check|look up} where it is",
    ),
    ("late_delivery", "resend_order"): (
        "the courier {says|admits|confirmed} <my> <p> {was lost|got lost on the way|cannot be found}",
        "<my> <p> is marked as delivered <when> but {nobody here has it|it never came|I got nothing}",
        "the parcel with <my> <p> {went back to you|was returned to sender|ended up in another town} by mistake, "
        "<ask> {send it again|ship it again}",
        "{lost in the post|stolen from the porch|vanished}: <my> <p>, {tracking closed <when>|the carrier gave "
        "up}. "
        "{Send another|I need a new shipment}",
        "your carrier {lost|mislaid} the <p> I <bought>, <ask> {ship a second one|dispatch it once more}",
    ),
    ("damaged_item", "send_replacement"): (
        "<my> <p> {arrived|came|was delivered} <broken>, <ask> {send a new one|swap it|exchange it}",
        "opened the box <when> and the <p> was <broken>. <like> {a replacement|another one|a whole one}",
        "the <p> {you sent|from your shop} is <broken>, {I need one that is intact|replace it}",
        "{broken on arrival|damaged in transit}: <my> <p>. {Can I have a new one|Please exchange it}",
        "{the delivery man dropped|someone crushed} the box and now <my> <p> is <broken>, {swap it for a good one|"
        "please replace it}",
    ),
    ("damaged_item", "refund_payment"): (
        "<my> <p> {arrived|came|was delivered} <broken> and I {do not want another|want no replacement}, just my money",
        "the <p> was <broken> {out of the box|when I opened it}, <like> {a refund|my money back}, not a new one",
        "{your parcel came|I got a parcel} with a <p> <broken>. {Pay me back|Refund it}, I {bought one elsewhere|"
        "gave up}",
        "{no swap|no exchange} please: <my> <p> is <broken> since it was delivered, {return the money|refund me}",
        "a <p> that comes <broken> {is worth nothing|is useless}, I ask for {a full refund|the money}",
    ),
    ("technical_fault", "send_guide"): (
        "{how do I|what is the way to|can you explain how to} {set up|reset|pair|update|clean} <my> <p>? {I have "
        "no manual|"
        "I am lost|The menu makes no sense}",
        "<my> <p> <fails>, {I have not tried anything yet|what should I try first|is there a trick}",
        "I {cannot get|can't manage to get} <my> <p> to {start|connect|pair|work}, {which steps do I follow"
        "|I must be doing it wrong|where are the instructions}",
        "{first time user here|not good with gadgets}: <my> <p> <fails>. {What do I do|Any instructions}",
        "<my> <p> <fails>, <ask> {send me the steps|walk me through it|tell me what to press}",
    ),
    ("technical_fault", "book_repair"): (
        "<my> <p> <fails>, I {did every reset|followed the whole manual|tried another socket and a reset} and it "
        "is no use",
        "{after three resets|after a factory reset|despite all the steps on your site} <my> <p> <still> <fails>",
        "<my> <p> <fails> {and nothing in the manual helps|whatever I try}. {It needs a technician|Can it be repaired}",
        "can {someone|a technician} {look at|repair|mend} <my> <p>? It <fails>, {tips did not help|I tried it all}",
        "your {guide|help page} did not help, <my> <p> <fails>. <like> to {have it repaired|bring it in}",
    ),
    ("cancellation", "cancel_order"): (
        "<ask> {cancel|stop|call off} {my order for|the order of} {a|the} <p>{, it has not shipped|, made by mistake|}",
        "I {ordered|clicked on} a <p> {by mistake|in error|twice by accident} <when>, {please stop it|do not ship it}",
        "{do not send|please don't ship} <my> <p>, {I found it cheaper|plans changed|I no longer need it}, cancel it",
        "is it too late to {cancel|stop} <my> <p>? {Nothing has shipped|It still says processing}",
        "{cancel|withdraw} {it|the purchase} please, the <p> I <bought> <when>, {not sent yet|before it leaves you}",
    ),
    ("account_access", "reset_password"): (
        "I {forgot|lost} my password and need to {register|manage|set up} <my> <p> {online|in the app|}",
        "{cannot|can't} {log in|sign in} to {register|look up} <my> <p>, {the reset mail never comes|it says "
        "wrong password}",
        "the {app|site} {rejects|refuses} my password, so <my> <p> {cannot be set up|stays offline}",
        "{locked out of my account|my login fails} since <when>, I only want to {see my <p> order|register the <p>}",
        "<ask> {send|give} me a new password, the one for <my> <p> account {is gone|does not work any more}",
    ),
    ("account_access", "lock_account"): (
        "someone {else|I do not know} {logged in to|used} my account and {ordered|bought} a <p>, {it was not me|"
        "block it}",
        "{I got a mail about|there is} a <p> order that I never {made|placed}, {my account was hacked|please "
        "freeze it}",
        "{a stranger|some thief} changed my e-mail and {bought|ordered} a <p> <when>, {lock everything|close access}",
        "{strange|unknown} logins on my account <when> and a <p> in the basket {that is not mine|I did not put there}",
        "my {account|login} {was stolen|is being abused}, a <p> went to an address {I do not know|abroad}. {Block "
        "it|Stop them}",
    ),
    ("address_change", "update_address"): (
        "{I moved|we moved|we have moved house} <when>, <ask> {send|ship} <my> <p> to the new address",
        "<my> <p> is going to {my old flat|the wrong street|the old office}, {change the address|here is the "
        "right one}",
        "<ask> {change|update} the {delivery|shipping} address for <my> <p>",
        "{new address|different address} for {the <p> order|my <p>}, {I typed the wrong number|I live elsewhere now}",
        "can the <p> be {delivered|sent} {to my work|to <mum>|somewhere else} instead? {The address must change|"
        "New one below}",
    ),
    ("invoice_copy", "send_invoice"): (
        "<ask> {send|mail|forward} me {the|a copy of the} {invoice|receipt|bill} for <my> <p>",
        "I {lost|cannot find|threw away} the {receipt|invoice} for the <p> I <bought> <when>",
        "{for my taxes|for the warranty|for my employer} I need {an invoice|a receipt|the bill} {for|of} <my> <p>",
        "{where can I download|how do I get} the {bill|invoice} for <my> <p>? {There was none in the box|My "
        "insurer asks}",
        "there was no {receipt|invoice} {in the box|with the parcel} when <my> <p> came, {I need one|could I have it}",
    ),
    ("missing_part", "send_part"): (
        "<my> <p> came without {the|its} <part>",
        "the <part> {was not in the box|is missing} {of|for} <my> <p>, {please send it|can I get one}",
        "{unpacked|opened} <my> <p> <when>, everything is {there|fine} except the <part>",
        "{I only miss|all I miss is} the <part> {for|of} <my> <p>, {it was left out|the bag was empty}",
        "{no <part> in the carton|there should be a <part>}, the <p> itself is {fine|here}. {Send the part|Post "
        "it to me}",
    ),
    ("complaint", "escalate_manager"): (
        "your {agent|colleague|technician} was {rude|very unfriendly|laughing at me} when I asked about <my> <p>",
        "I {wish to|want to} complain about {the man on the phone|your service}, {four|three|five} people and no "
        "one knows "
        "<my> <p> {case|file}",
        "{worst service ever|what a circus}: <shop> {lied about|ignored me about|hung up on me over} <my> <p>. "
        "{I want a manager|Who is in charge}",
        "let me {talk|write} to {your boss|a manager|someone in charge} about how my <p> {case|request} was handled",
        "{the driver|your fitter} who brought <my> <p> {shouted at|insulted} <mum>, {this is a complaint|I expect "
        "action}",
    ),
    ("complaint", "call_back"): (
        "I am {unhappy|fed up|disappointed} with how <my> <p> case drags on, {please ring me|call me back|phone me}",
        "{nobody calls|you promised to call} {back|me} about <my> <p>, {call me|I want a phone call} {now|for "
        "once|at last}",
        "{your hotline cut me off|I waited <days> for a call} over <my> <p>, {ring me back|someone must phone me}",
        "{I am tired of writing|mails lead nowhere}: the <p> mess needs {a call|a talk on the phone}, {please "
        "ring|call me}",
        "{poor|bad|awful} {support|service} about <my> <p>. {I expect a call back|Call me and explain}",
    ),
    ("product_question", "answer_question"): (
        "{does|will} the <p> {work|run|cope} {with 110 volts|outdoors|without internet|with an old socket|in the rain}",
        "{before I buy|quick question}: {how heavy|how loud|how wide|how old} is the <p>",
        "{is the <p>|will the <p> be} {in stock|available in blue|back in your shop|cheaper next month}",
        "{how long is the warranty on|which battery fits|what colours are there for} the <p>",
        "I {am thinking of|consider} buying a <p>, {can children use it|does it come with a plug|is it made of steel}",
    ),
}
