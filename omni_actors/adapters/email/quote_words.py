"""The words by which mail programs of many languages mark what they quote."""

import re
from collections.abc import Mapping
from typing import Final

# "… wrote:", in the line above what is quoted; in lower case.
WROTE: Final = (
    *("wrote", "writes", "schrieb", "a écrit", "écrit", "escribió", "escribio", "escreveu"),
    *("ha scritto", "scrisse", "schreef", "heeft geschreven", "skrev", "kirjoitti", "napisał"),
    *("napisała", "pisze", "napsal", "napsala", "napísal", "napísala", "írta", "a scris"),
    *("va escriure", "escrigué", "je napisao", "je napisala", "je napisal", "napisao", "написал"),
    *("написал(а)", "пишет", "пише", "написав", "написала", "написа", "έγραψε"),
    *(
        "şunu yazdı",
        "yazdı",
        "kirjutas",
        "rakstīja",
        "rašė",
        "đã viết",
        "menulis",
        "เขียนว่า",
        "เขียน",
    ),
    *("כתב", "כתבה", "מאת", "كتب", "نوشت", "写道", "寫道", "のメール", "書きました", "書いた"),
    *("님이 작성", "작성했습니다", "님이 쓴 글", "napisał(a)", "napsal(a)", "napísal(a)", "skreiv"),
)

# How such a line begins, where it goes over several; in lower case.
OPENINGS: Final = (
    *("on ", "at ", "am ", "den ", "der ", "le ", "el ", "em ", "no dia ", "a ", "il ", "in data "),
    *(
        "op ",
        "på ",
        "ti ",
        "to ",
        "on:",
        "w dniu ",
        "dnia ",
        "dne ",
        "dňa ",
        "в ",
        "на ",
        "у ",
        "во ",
    ),
    *("пн", "вт", "ср", "чт", "пт", "сб", "вс", "нд", "στις ", "la data ", "pe ", "la ", "pada "),
    *("vào ", "lúc ", "เมื่อ", "ב-", "ב", "في ", "בתאריך ", "在 ", "于", "mon", "tue", "wed", "thu"),
    *("fri", "sat", "sun", "lun", "mar", "mer", "jeu", "ven", "sam", "dim", "dana ", "dne", "el "),
)

# The words before the colons of a header that stands in a mail, in lower case.
FROM: Final = (
    *("from", "von", "de", "da", "van", "från", "fra", "lähettäjä", "od", "feladó", "от", "від"),
    *("от кого", "από", "kimden", "gönderen", "dari", "từ", "จาก", "מאת", "من", "发件人", "寄件者"),
    *("寄件人", "發件人", "差出人", "送信者", "보낸 사람", "보낸사람", "expéditeur", "remitente"),
    *("remetente", "mittente", "absender", "afzender", "avsändare", "afsender", "avsender"),
    *("nadawca", "odesílatel", "odosielateľ", "expeditor", "de la", "pošiljatelj", "saatja"),
)
SENT: Final = (
    *("sent", "date", "gesendet", "datum", "envoyé", "enviado", "enviado el", "fecha", "data"),
    *("enviada", "enviada em", "inviato", "verzonden", "skickat", "sendt", "dato", "dátum"),
    *("lähetetty", "päivämäärä", "wysłano", "wysłane", "data wysłania", "odesláno", "odoslané"),
    *("elküldve", "küldve", "отправлено", "дата", "надіслано", "στάλθηκε", "ημερομηνία", "tarih"),
    *("gönderilme", "gönderildi", "tanggal", "dikirim", "ngày", "đã gửi", "ส่ง", "วันที่", "נשלח"),
    *(
        "תאריך",
        "تاريخ",
        "التاريخ",
        "تم الإرسال",
        "发送时间",
        "日期",
        "寄件日期",
        "傳送時間",
        "送信日時",
    ),
    *(
        "日付",
        "보낸 날짜",
        "날짜",
        "trimis",
        "poslano",
        "saadetud",
        "date d'envoi",
        "发送日期",
        "時間",
    ),
)
TO: Final = (
    *("to", "an", "à", "a", "para", "aan", "till", "til", "vastaanottaja", "do", "komu", "címzett"),
    *(
        "кому",
        "προς",
        "kime",
        "alıcı",
        "kepada",
        "đến",
        "ถึง",
        "אל",
        "إلى",
        "收件人",
        "收件者",
        "宛先",
    ),
    *("받는 사람", "받는사람", "către", "za", "kam", "empfänger", "destinataire", "destinatario"),
    *("cc", "kopie", "kopia", "copie", "copia", "kopio", "копия", "копія", "抄送", "副本", "참조"),
)
SUBJECT: Final = (
    *("subject", "betreff", "objet", "asunto", "assunto", "oggetto", "onderwerp", "ämne", "emne"),
    *("aihe", "temat", "předmět", "predmet", "tárgy", "тема", "θέμα", "konu", "subjek", "chủ đề"),
    *(
        "perihal",
        "เรื่อง",
        "หัวข้อ",
        "נושא",
        "הנדון",
        "الموضوع",
        "主题",
        "主旨",
        "主題",
        "件名",
        "제목",
    ),
    *("subiect", "zadeva", "teema", "assumpte"),
)
HEADER: Final[Mapping[str, str]] = {
    **{word: "to" for word in TO},
    **{word: "sent" for word in SENT},
    **{word: "subject" for word in SUBJECT},
    **{word: "from" for word in FROM},
}

# What stands between dashes above a mail that is answered.
ORIGINAL: Final = frozenset(
    (
        *("original message", "original mail", "original email", "original e-mail", "original"),
        *("reply message", "reply", "ursprüngliche nachricht", "originalnachricht"),
        *("ursprüngliche e-mail", "original-nachricht", "original-nachricht-beginn"),
        *("message d'origine", "message original", "message initial", "e-mail d'origine"),
        *("mensaje original", "mensagem original", "messaggio originale", "messaggio di origine"),
        *("oorspronkelijk bericht", "originele bericht", "originalmeddelande"),
        *("ursprungligt meddelande", "oprindelig meddelelse", "opprinnelig melding"),
        *("original meddelelse", "alkuperäinen viesti", "wiadomość oryginalna"),
        *("oryginalna wiadomość", "wiadomość pierwotna", "původní zpráva", "původní e-mail"),
        *("pôvodná správa", "eredeti üzenet", "mesaj original", "missatge original"),
        *("исходное сообщение", "оригинальное сообщение", "пересылаемое сообщение от"),
        *("вихідне повідомлення", "оригінальне повідомлення", "αρχικό μήνυμα", "özgün ileti"),
        *("orijinal mesaj", "orijinal ileti", "izvorna poruka", "izvirno sporočilo"),
        *("pesan asli", "thư gốc", "ข้อความต้นฉบับ", "הודעה מקורית", "الرسالة الأصلية", "原始邮件"),
        *("原始郵件", "邮件原件", "原始信件", "元のメッセージ", "原文", "원본 메시지", "원본 메일"),
    )
)

# What stands above a mail that is passed on: that is no quote.
FORWARDED: Final = (
    *("forwarded message", "begin forwarded message", "forwarded by", "weitergeleitete nachricht"),
    *("anfang der weitergeleiteten nachricht", "message transféré", "message transmis"),
    *("début du message transféré", "début du message réexpédié", "mensaje reenviado"),
    *("inicio del mensaje reenviado", "mensagem encaminhada", "início da mensagem encaminhada"),
    *("messaggio inoltrato", "inizio messaggio inoltrato", "doorgestuurd bericht"),
    *("begin doorgestuurd bericht", "vidarebefordrat meddelande", "vidarebefordrat brev"),
    *("videresendt besked", "videresendt meddelelse", "videresendt melding"),
    *("välitetty viesti", "edelleenlähetetty viesti", "przekazana wiadomość"),
    *("wiadomość przekazana dalej", "přeposlaná zpráva", "preposlaná správa"),
    *("továbbított üzenet", "mesaj redirecționat", "mesaj transmis mai departe"),
    *("пересылаемое сообщение", "переслане повідомлення", "пересланное сообщение"),
    *("προωθημένο μήνυμα", "iletilen mesaj", "yönlendirilmiş ileti", "proslijeđena poruka"),
    *("posredovano sporočilo", "pesan terusan", "thư được chuyển tiếp", "ข้อความที่ส่งต่อ"),
    *(
        "הודעה שהועברה",
        "رسالة مُعاد توجيهها",
        "الرسالة المعاد توجيهها",
        "转发的邮件",
        "转发邮件信息",
    ),
    *(
        "轉寄的郵件",
        "轉寄郵件",
        "転送メッセージ",
        "転送されたメッセージ",
        "전달된 메시지",
        "원본 전달",
    ),
)

# How the last line begins that phones and programs add of themselves.
SENT_FROM: Final = (
    *("sent from my ", "sent from mail for windows", "sent from outlook", "sent from yahoo mail"),
    *("sent from proton", "sent with proton", "sent via the samsung", "sent from samsung"),
    *(
        "sent from the all new aol",
        "get outlook for ",
        "sent from gmail mobile",
        "sent from surface",
    ),
    *("sent on my ", "sent from a mobile", "sent with blackberry", "sent via blackberry"),
    *("von meinem iphone", "von meinem ipad", "von meinem smartphone", "von meinem samsung"),
    *("von meinem handy", "von meinem android", "gesendet von mail für", "gesendet von outlook"),
    *("gesendet mit der ", "gesendet mit proton", "gesendet von meinem ", "outlook für "),
    *(
        "diese nachricht wurde von meinem ",
        "holen sie sich outlook",
        "envoyé de mon ",
        "envoyé depuis mon ",
    ),
    *("envoyé à partir de outlook", "envoyé depuis l'application", "envoyé de mail pour"),
    *("envoyé à partir de mon", "obtenir outlook", "obtenez outlook", "télécharger outlook"),
    *("enviado desde mi ", "enviado desde outlook", "enviado desde correo", "obtener outlook"),
    *("enviado do meu ", "enviado do outlook", "enviado do email", "obter o outlook"),
    *("inviato da iphone", "inviato da ipad", "inviato dal mio ", "inviato da outlook"),
    *("inviato da posta", "inviato da smartphone", "scarica outlook", "ottieni outlook"),
    *("verzonden vanaf mijn ", "verstuurd vanaf mijn ", "verzonden vanuit mail", "outlook voor "),
    *("skickat från min ", "skickat från outlook", "skickat från e-post", "hämta outlook"),
    *("sendt fra min ", "sendt fra mit ", "sendt fra outlook", "sendt fra mail", "hent outlook"),
    *(
        "lähetetty iphone",
        "lähetetty ipad",
        "lähetetty android",
        "lähetetty outlook",
        "hanki outlook",
    ),
    *(
        "wysłane z iphone",
        "wysłane z mojego ",
        "wysłano z ",
        "wysłane z aplikacji",
        "pobierz outlook",
    ),
    *("odesláno z iphone", "odesláno z mého ", "odesláno z mobil", "odesláno z aplikace"),
    *("odoslané z iphone", "odoslané z môjho ", "získat outlook", "az iphone-omról"),
    *(
        "elküldve az iphone",
        "elküldve a mobil",
        "trimis de pe iphone",
        "trimis de pe ",
        "отправлено с iphone",
    ),
    *(
        "отправлено с моего ",
        "отправлено из мобильной",
        "отправлено из outlook",
        "отправлено из mail",
    ),
    *("надіслано з iphone", "надіслано з мого ", "στάλθηκε από το ", "poslano s iphone"),
    *("poslano s mog ", "poslano z mojega ", "iphone'umdan", "ipad'imden", "dikirim dari iphone"),
    *(
        "dikirim dari ponsel",
        "đã gửi từ iphone",
        "được gửi từ iphone",
        "ส่งจาก iphone",
        "ส่งจากไอโฟน",
    ),
    *("נשלח מה-iphone", "נשלח מהiphone", "נשלח מה", "أُرسلت من الـ", "أرسلت من ", "تم الإرسال من "),
    *("发自我的", "发送自 windows", "從我的", "寄自我的", "iphoneから送信", "androidから送信"),
    *("나의 iphone에서", "내 iphone에서", "outlook for android", "outlook for ios"),
)
SENT_FROM_MAX: Final = 120

_EDGE = re.compile(r"^[>\s]*[-_=*–—]{2,}[\s>]*|[\s<]*[-_=*–—]{2,}\s*$")


def between_dashes(line: str) -> str:
    """What stands between the dashes of a line, in lower case; empty where there are none."""
    bare = line.strip()
    if len(bare) > 120 or bare[:2].strip("-_=*–—"):
        return ""
    return _EDGE.sub("", bare).strip(" :：-_=*–—").lower().replace("’", "'")


def header_word(line: str) -> str:
    """Which field a line is of, if it looks like one of a header: `from`, `sent`, `to`,
    `subject`."""
    head, colon, _ = line[:60].replace("：", ":").partition(":")
    if not colon:
        return ""
    return HEADER.get(head.strip(" *_>\t\u00a0").lower().replace("’", "'"), "")
