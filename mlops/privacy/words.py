"""Word lists that keep cues honest. All are casefolded."""

from __future__ import annotations

import re

_PARTICLES = """
al bin da de del della den der di dos du el ibn la le ten ter van von y zu
"""
_NOT_NAMES = """
a about absolutely account action address after again all already also always am america american an and angry
any anyone app april are as asap asking at atm august australian austrian auto back bad bank because been being
belgian best billing bot brazilian british but buy by bye calling can canada canadian card care chat cheers
chinese christmas client closed company correct could customer customers danish day dear december delighted
delivery department desk did disappointed dispute do does doing done dr dutch easter either email en english
error europe european everybody everyone everything facing february finally fine finnish first folks for frau
french friday friend from fully german getting going good goodbye google great greek greetings guest guys happy
has have having he hello help helpdesk her here herr hi his home hope how however i iban if important in
incorrect indian intended interested irish is it italian its january japanese july june just kind korean ladies
last late later latest listed locked lost maam madam madame manager many march may maybe me mine miss missing
misspelled mme mobile monday monsieur more morning mr mrs ms much mx my name need new no none not nothing
november now null number october of off office ok okay on one only open or order our out over page paid part
password paying payment phone pin please polish portuguese problem product prof professor quite ready really
refund regarding regards registered required right router running russian sad saturday seeking sending september
service set señor señora she sig sincerely sir so social some someone soon sorry spanish speaking spelled spelt
sr sra ssn still stuck such sunday support sure swedish swiss system tbd team test text thank thanks that the
their them there these they this those thursday ticket till tired to today together tomorrow too totally trying
tuesday turkish unable unclear under unhappy unknown until up urgent us user using very via visa wait waiting
want warm was we wednesday welcome well were what when where which while who why will windows with wondering
world worried would writing written wrong yes yesterday yet you your yours
"""
_NAMES_AND_WORDS = """
angel april art august autumn bank bell best bill black brook brown cable camera card carol cash chance charger
charity chase christian cook crystal daisy dawn dean drew earl faith field frank gay gene grace grant gray green
guy hank headset heath hill hope house hunter iris ivy jack jasmine jay jean jewel jimmy joy june justice
keyboard king lane laptop lily long love major mark marks may melody mercy miles monitor moss olive order page
pat patience pearl penny phone pierce price prince printer ray reed refund rich robin rock rose router ruby
rusty sandy scott screen skip small speaker stone sue summer sunny tablet terry tom violet wade ward warren
watch will wood woods young
"""
_PLAIN_AFTER_SECRET_CUE = """
accepted available changed compromised correct different empty expired false forgotten here hidden incorrect
invalid locked missing needed none null optional protected redacted rejected required reset secure sent stored
string strong temporary that the there this true undefined unknown weak what working wrong your
"""

# Small words inside a family name.
PARTICLES = frozenset(_PARTICLES.split())

# Words that stand where a name could ("I'm Sorry", "Dear Customer"). Some of them are first names too (Will, May,
# April): masking every "May" after a cue would cost more than the name that is missed.
NOT_NAMES = frozenset(_NOT_NAMES.split())

# Names that are also words: where they are repeated in lower case they are taken for the word.
NAMES_AND_WORDS = frozenset(_NAMES_AND_WORDS.split())

# Words that follow "password is" or "token:" in plain talk.
PLAIN_AFTER_SECRET_CUE = frozenset(_PLAIN_AFTER_SECRET_CUE.split())

_LEET = str.maketrans("013457@$!", "oieastasi")
_LEET_WORD = re.compile(r"[A-Za-z0-9@$!]*(?:[A-Za-z][0134579@$!]|[0134579@$!][A-Za-z])[A-Za-z0-9@$!]*")


def plainly(text: str) -> str:
    """The text with "p4ssw0rd" read as "password", of the same length; words that are mostly digits stay."""
    return _LEET_WORD.sub(_plain_word, text)


def _plain_word(match: re.Match[str]) -> str:
    word = match.group()
    return word.translate(_LEET) if 2 * sum(map(str.isalpha, word)) >= len(word) else word
