/** What patrons read, in German. */
import type { Texts } from "./english";
import { numberIn, pluralIn } from "./forms";

const plural = pluralIn("de");
const number = numberIn("de");
const characters = (count: number) => `${number(count)} Zeichen`;

const HERE = "Jemand aus der Bibliothek kommt hier zu Ihnen.";
const NOBODY = "Im Moment ist niemand aus der Bibliothek da.";
const CLOSED = "Der Chat ist vorerst geschlossen, und vielleicht kann Ihnen heute niemand antworten.";
const PERHAPS_TAKEN =
  "Es ist nicht sicher, ob Ihre Frage angekommen ist. Senden Sie sie noch einmal: Sie wird nur einmal gestellt, auch wenn Sie sie mehrmals senden.";

/** The German texts. */
export const texts: Texts = {
  refusals: {
    EMPTY: "Hier steht noch nichts.",
    TOO_LONG: (limit) =>
      limit === undefined
        ? "Der Text ist zu lang; bitte kürzen Sie ihn."
        : `Der Text ist zu lang; erlaubt sind ${characters(limit)}. Bitte kürzen Sie ihn.`,
    CONTROL_CHARACTER:
      "Der Text enthält ein unsichtbares Steuerzeichen; bitte entfernen Sie es oder schreiben Sie den Text neu.",
    BAD_EMAIL: "Das ist keine E-Mail-Adresse. Schreiben Sie sie wie name@example.org, oder lassen Sie das Feld leer.",
    TOO_FAST: "Das war zu viel auf einmal. Bitte warten Sie einen Moment.",
    TOO_MANY_ATTEMPTS: "Das waren zu viele Versuche. Bitte versuchen Sie es gleich noch einmal.",
    SESSION_FULL: "Dieser Chat ist voll. Beenden Sie ihn und machen Sie in einem neuen weiter.",
    ENDED: "Dieser Chat ist beendet.",
    ERASED: "Dieser Chat wurde gelöscht; es kann nichts mehr hinzukommen.",
    NOT_FOUND: "Die Bibliothek hat diesen Chat nicht mehr.",
    UNAUTHENTICATED: "Die Bibliothek lässt diese Seite nicht mehr zu.",
    RESOURCE_EXHAUSTED: "Im Moment gibt es zu viele Anfragen. Bitte versuchen Sie es etwas später noch einmal.",
    field: "So kann das nicht gesendet werden. Bitte prüfen Sie es.",
    unknown: "Der Chat-Server der Bibliothek kann im Moment nicht antworten.",
    other: "Das war nicht möglich.",
  },
  head: {
    ask: "Fragen Sie die Bibliothek",
    askLibrary: (library) => `Fragen an ${library}`,
    practice: "[Übung]",
    language: "Sprache",
    languageFailed: (name) => `„${name}“ konnte nicht geladen werden. Bitte wählen Sie es noch einmal.`,
    sound: "Ton",
    soundTitle: "Ein Ton, wenn jemand aus der Bibliothek kommt oder schreibt, während Sie woanders hinsehen",
    soundWhen: "wenn jemand aus der Bibliothek kommt oder schreibt, während Sie woanders hinsehen",
    soundAndColours: "Ton und Farben",
    soundColoursAndLanguage: "Ton, Farben und Sprache",
    soundIsOff: "Kein Ton, bis Sie klicken",
    volume: "Lautstärke",
    perCent: (percent) => `${percent} Prozent`,
    coloursTitle: (now, next) => `Farben: ${now}. Drücken für: ${next}.`,
    colours: (now, next) => `Farben: ${now}. Wechseln zu: ${next}.`,
    themes: { system: "wie das System", light: "hell", dark: "dunkel" },
  },
  connection: {
    label: "Verbindung",
    offline: "Ohne Netz",
    connected: "Verbunden",
    checking: "Verbindung wird geprüft …",
    connecting: "Verbindung wird hergestellt …",
    reconnecting: "Neue Verbindung",
    inSeconds: (seconds) => `in ${seconds} s`,
    tryNow: "Jetzt versuchen",
    loggedOut: "Abgemeldet",
    outOfDate: "Veraltet",
    reload: "Diese Seite neu laden",
    notConnected: "Nicht verbunden",
  },
  page: {
    oneMoment: "Einen Moment …",
    tryAgain: "Noch einmal versuchen",
    cannotBeShown: "Diese Seite kann nicht gezeigt werden",
    chooseLibrary: "Ihre Bibliothek wählen",
    noSuchLibrary:
      "Unter dieser Adresse gibt es keine Bibliothek. Prüfen Sie die Adresse, oder wählen Sie Ihre Bibliothek aus der Liste.",
    noPractice: (library) =>
      `${library} hat keine Warteschlange zum Üben, daher kann auf dieser Seite nicht geübt werden.`,
    broken: "Auf dieser Seite ist etwas schiefgegangen. Laden Sie sie neu.",
    brokenTryAgain: "Auf dieser Seite ist etwas schiefgegangen. Laden Sie sie neu und versuchen Sie es noch einmal.",
    unreachable:
      "Der Chat-Server der Bibliothek antwortet nicht. Prüfen Sie Ihre Netzverbindung und versuchen Sie es noch einmal.",
    notLetIn: "Der Server hat Sie nicht eingelassen. Versuchen Sie es in einer Minute noch einmal.",
    uncertain: (why) => `Es ist nicht sicher, ob das geschehen ist. ${why}`,
    cleared: "Diese Seite ist geleert.",
    clearedForGood: "Diese Seite ist geleert. Von Ihrem Chat ist nichts in diesem Browser geblieben.",
  },
  form: {
    title: "Was möchten Sie wissen?",
    welcome: (library) => `Wir helfen Ihnen gern: ${library}.`,
    practice: "Dies ist zum Üben.",
    practiceText: "Das Bibliothekspersonal lernt hier das Antworten. Keine Frage wird wirklich beantwortet.",
    question: "Ihre Frage",
    name: "Ihr Name",
    email: "E-Mail",
    optional: "freiwillig",
    hint: "Ein oder zwei Sätze genügen für den Anfang.",
    emailHint:
      "Für die Bibliothek, falls die Antwort erst später kommen kann. Das Chat-Protokoll wird nicht dorthin gesendet; Sie können den Chat am Ende speichern.",
    noEmail: "Das ist keine E-Mail-Adresse. Schreiben Sie sie wie name@example.org, oder lassen Sie das Feld leer.",
    noQuestion: "Bitte schreiben Sie zuerst Ihre Frage.",
    closed: "Der Chat ist jetzt geschlossen, daher könnte niemand antworten.",
    keepMainPoint: "Behalten Sie das Wichtigste; mehr können Sie im Chat schreiben.",
    send: "Chat beginnen",
    sending: "Wird gesendet …",
    sendingQuestion: "Ihre Frage wird gesendet …",
    cutOff:
      "Der Chat-Server der Bibliothek antwortet im Moment nicht. Ihre Frage wird gesendet, sobald er antwortet. Lassen Sie diese Seite offen.",
    privacyLabel: "Datenschutz",
    privacy: "Ihre Daten",
    fullStatement: "Die vollständige Erklärung:",
  },
  closed: {
    title: "Der Chat ist geschlossen",
    leaveNow: "Sie können Ihre Frage jetzt hinterlassen und später eine Antwort bekommen:",
    opensHere: "Sie können diese Seite offen lassen: Wenn der Chat öffnet, öffnet er hier von selbst.",
    nobody: NOBODY,
    nobodyText: "Sie können trotzdem fragen und warten, aber wir können nicht sagen, wann jemand kommt.",
    orLeave: "Oder hinterlassen Sie Ihre Frage und bekommen Sie später eine Antwort:",
    whileWriting: "Der Chat wurde geschlossen, während Sie schrieben.",
    staysHere: "Was Sie geschrieben haben, bleibt hier, damit Sie es kopieren können.",
    leave: "Ihre Frage hinterlassen",
    theLibrary: "Die Bibliothek",
    unknownTime: (library) => `${library} gibt nicht an, wann der Chat wieder öffnet.`,
    opens: (library, time) => `${library} antwortet hier wieder ${time}, nach Ihrer Uhr.`,
  },
  time: {
    today: (clock) => `heute um ${clock}`,
    tomorrow: (clock) => `morgen um ${clock}`,
    yesterday: (clock) => `gestern um ${clock}`,
    on: (day, clock) => `am ${day} um ${clock}`,
    onWeekday: (day, clock) => `am ${day} um ${clock}`,
  },
  waiting: {
    inQueue: "Sie sind in der Warteschlange",
    next: "Sie sind als Nächstes an der Reihe",
    ahead: (count) =>
      plural(count, { one: "1 Person ist vor Ihnen", other: `${number(count)} Personen sind vor Ihnen` }),
    inTab: {
      open: `${HERE} Sie können inzwischen andere Tabs ansehen; der Titel dieses Tabs ändert sich, wenn jemand kommt.`,
      unstaffed: `${NOBODY} Sie behalten Ihren Platz, und der Titel dieses Tabs ändert sich, wenn jemand kommt; aber wir können nicht sagen, wann das sein wird.`,
      closed: `${CLOSED} Sie behalten Ihren Platz, solange diese Seite offen ist.`,
    },
    inSite: {
      open: `${HERE} Sie können sich inzwischen auf dieser Website umsehen: Verkleinern Sie den Chat, und sein Knopf sagt, wenn jemand kommt.`,
      unstaffed: `${NOBODY} Sie behalten Ihren Platz, und der Knopf des Chats sagt, wenn jemand kommt; aber wir können nicht sagen, wann das sein wird.`,
      closed: `${CLOSED} Sie behalten Ihren Platz, solange Sie auf dieser Website sind.`,
    },
    inPage: {
      open: `${HERE} Bleiben Sie auf dieser Seite: Die Einstellungen Ihres Browsers lassen nicht zu, dass der Chat auf einer anderen Seite dieser Website weitergeht.`,
      unstaffed: `${NOBODY} Sie behalten Ihren Platz, solange Sie auf dieser Seite bleiben; aber wir können nicht sagen, wann jemand kommt.`,
      closed: `${CLOSED} Sie behalten Ihren Platz, solange Sie auf dieser Seite bleiben.`,
    },
    trouble: "Ihr Platz in der Warteschlange ist gerade nicht erreichbar; wir versuchen es weiter.",
    outOfDate: "Diese Seite ist veraltet. Laden Sie sie neu: Sie behalten Ihren Platz.",
    lost: "Die Verbindung ist verloren. Sie behalten Ihren Platz, und wir versuchen, die Bibliothek wieder zu erreichen.",
    orLeave: "Statt zu warten, können Sie Ihre Frage hinterlassen und später eine Antwort bekommen:",
    question: "Ihre Frage",
    keptBoth: "Was Sie und die Bibliothek bisher geschrieben haben, bleibt erhalten.",
    written: "Was Sie bisher geschrieben haben.",
    notSent: "Ihre Frage wartet. Was Sie seither geschrieben haben, wurde nicht gesendet; Sie finden es weiter unten.",
    addMore: "Sie können Ihre Frage ergänzen, während Sie warten",
    placeholder: "Schreiben Sie an die Person, die Ihnen antworten wird",
    leave: "Warteschlange verlassen",
    leaving: "Wird verlassen …",
    leaveTitle: "Die Warteschlange verlassen?",
    leaveText:
      "Ihre Frage wird zurückgezogen, und niemand wird sie hier beantworten. Sie können jederzeit wieder fragen.",
    keepWaiting: "Weiter warten",
  },
  chat: {
    ending: "Wird beendet …",
    endTitle: "Diesen Chat beenden?",
    endText: (librarian) =>
      `${librarian} kann Ihnen hier dann nicht mehr antworten. Sie können weiterhin lesen und speichern, was geschrieben wurde.`,
    end: "Chat beenden",
    keepChatting: "Weiter chatten",
    writeTo: (librarian) => `Schreiben Sie an ${librarian}`,
    writeToLibrarian: "Schreiben Sie an die Bibliothek",
    typing: (name, where) => `${name} schreibt gerade${where} …`,
    trouble: "Ihr Chat ist gerade nicht erreichbar; wir versuchen es weiter.",
    outOfDate:
      "Diese Seite ist veraltet. Laden Sie sie neu: Ihr Chat bleibt erhalten und geht dort weiter, wo er war. Eine Nachricht, deren Versand nicht bestätigt ist, bleibt nicht erhalten; kopieren Sie sie vorher.",
    lost: "Die Verbindung ist verloren. Ihr Chat bleibt erhalten, und was Sie jetzt schreiben, wird gesendet, sobald die Verbindung wieder da ist. Lassen Sie diese Seite offen.",
  },
  box: {
    message: "Ihre Nachricht",
    keys: "Eingabetaste sendet, Umschalt+Eingabetaste beginnt eine neue Zeile",
    send: "Senden",
    characters,
    left: (count) => `Noch ${characters(count)}`,
    tooMany: (over, limit) => `${characters(over)} zu viel; erlaubt sind ${number(limit)}.`,
    shorten: "Kürzen Sie den Text, oder senden Sie ihn in zwei Teilen.",
    tooLong: (limit) =>
      `Das ist zu lang; erlaubt sind ${number(limit)} Zeichen. Kürzen Sie den Text, oder senden Sie ihn in zwei Teilen.`,
  },
  stream: {
    conversation: "Gespräch",
    you: "Sie",
    asked: "Frage",
    sent: "Gesendet",
    sending: "Wird gesendet …",
    late: "Noch nicht bestätigt. Es wird von selbst noch einmal gesendet; lassen Sie diese Seite offen.",
    stuck:
      "Nicht bestätigt, und diese Seite kann nichts mehr senden. Kopieren Sie es und laden Sie die Seite dann neu.",
    notSent: "Nicht gesendet.",
    perhapsSent: "Vielleicht nicht gesendet.",
    retry: "Noch einmal senden",
    edit: "Bearbeiten",
    discard: "Verwerfen",
    pageFrom: "Webseite von",
    news: (count) => `${number(count)} neu`,
    goToNewest: ", zum Neuesten",
    newest: "Zum Neuesten",
  },
  events: {
    somebody: "Jemand",
    patron: "Nutzer/in",
    librarian: "Bibliothek",
    theLibrarian: "Die Bibliothek",
    afterwards: ", dann ",
    waitingAgain: "Sie warten wieder auf eine Antwort der Bibliothek",
    nowAnswering: (name) => `Ab jetzt antwortet Ihnen ${name}`,
    anotherLibrarian: "jemand anderes aus der Bibliothek",
    joined: (name) => `${name} ist jetzt im Chat`,
    left: (name) => `${name} hat den Chat verlassen`,
    erased: "Der Text dieses Chats wurde gelöscht",
    identityErased: "Ihr Name und Ihre E-Mail-Adresse wurden aus diesem Chat gelöscht",
    youLeftQueue: "Sie haben die Warteschlange verlassen",
    youEnded: "Sie haben den Chat beendet",
    ended: (name) => `${name} hat den Chat beendet`,
    abandoned: "Der Chat wurde beendet, weil Sie zu lange weg waren",
  },
  news: {
    here: (name) => `${name} ist da. Der Chat hat begonnen.`,
    page: (name, host) => `${name} hat eine Webseite geschickt: ${host}`,
    waitingAgain: "Sie warten wieder auf eine Antwort der Bibliothek. Was Sie geschrieben haben, bleibt erhalten.",
  },
  ended: {
    youEnded: "Sie haben den Chat beendet",
    thanks: (library) => `Vielen Dank für Ihre Frage an ${library}.`,
    thanksAskAgain: (library) =>
      `Vielen Dank für Ihre Frage an ${library}. Wenn Sie noch etwas wissen möchten, fragen Sie gern wieder.`,
    yourLibrary: "Ihre Bibliothek",
    away: "Sie waren zu lange weg",
    cannotContinue: "Ihr Chat kann hier nicht weitergehen",
    lost: "Diese Seite kann nicht mehr zu Ihrem Chat zurück. Was geschrieben wurde, steht unten; fragen Sie wieder, um weiterzumachen.",
    erased: "Dieser Chat wurde gelöscht",
    erasedText: (library) =>
      `Was darin geschrieben wurde, wird nicht mehr aufbewahrt. Sie können jederzeit wieder fragen: ${library}.`,
    leftQueue: "Sie haben die Warteschlange verlassen",
    leftAfterChat: (library) => `Was geschrieben wurde, steht unten. Sie können jederzeit wieder fragen: ${library}.`,
    unanswered: (library) => `Niemand hat geantwortet. Sie können jederzeit wieder fragen: ${library}.`,
    leaveQuestion: "Sie können Ihre Frage auch hinterlassen und später eine Antwort bekommen:",
    askAnother: "Noch etwas fragen",
    save: "Als Text speichern",
    print: "Drucken",
    shared: "An einem gemeinsam genutzten Computer?",
    sharedText: "Leeren Sie diese Seite, wenn Sie fertig sind, damit niemand nach Ihnen Ihren Chat lesen kann.",
    clear: "Diese Seite leeren",
    transcript: "Chat-Protokoll",
    survey: "Wie war es?",
    surveyLink: "Ein paar Fragen beantworten",
    wasNotSent: "Das wurde nicht gesendet. Wenn Sie noch etwas fragen, finden Sie es im Formular:",
    mayNotBeSent: "Das wurde vielleicht nicht gesendet. Wenn Sie noch etwas fragen, finden Sie es im Formular:",
  },
  file: {
    chatWith: (library) => `Chat mit: ${library}`,
    librarians: (_, names) => `Für die Bibliothek: ${names}`,
    page: (name, address) => `${name} hat eine Webseite geschickt: ${address}`,
  },
  remembered: {
    began: (time) => `Er begann ${time}.`,
    goOn: "Diesen Chat fortsetzen",
    startNew: "Einen neuen Chat beginnen",
    closed: {
      title: "In diesem Browser ist ein Chat offen geblieben",
      text: "Sein Tab wurde geschlossen, bevor der Chat beendet war. Wenn es Ihr Chat ist, können Sie ihn hier fortsetzen.",
      fate: "Ein neuer Chat beendet den alten, und dieser Browser vergisst ihn.",
    },
    open: {
      title: "Ein Chat ist in einem anderen Tab offen",
      text: "Wenn es Ihr Chat ist, können Sie ihn in jenem Tab oder in diesem fortsetzen.",
      fate: "Ein neuer Chat in diesem Tab ändert nichts im anderen.",
    },
    unknown: {
      title: "In diesem Browser wurde ein Chat begonnen",
      text: "Vielleicht ist er noch in einem anderen Tab offen. Wenn es Ihr Chat ist, können Sie ihn hier fortsetzen.",
      fate: "Wenn Sie einen neuen Chat beginnen, vergisst dieser Browser den alten. Ist dieser in keinem anderen Tab offen, bleibt er offen, bis die Bibliothek ihn beendet.",
    },
  },
  returning: {
    title: "Zurück zu Ihrem Chat",
    outOfDate:
      "Diese Seite ist veraltet. Ihr Chat bleibt erhalten: Laden Sie die Seite neu, um zurückzukehren. Wenn das nicht hilft, stellen Sie eine neue Frage.",
    cutOff:
      "Der Chat-Server der Bibliothek ist im Moment nicht erreichbar. Ihr Chat bleibt erhalten, und diese Seite versucht weiter, zu ihm zurückzukehren.",
    late: "Der Weg zurück zu Ihrem Chat dauert länger als sonst. Ihr Chat bleibt erhalten, und diese Seite versucht es weiter.",
    soon: "Zurück zu Ihrem Chat …",
    askNew: "Stattdessen eine neue Frage stellen",
    oldEnds:
      "Mit einer neuen Frage beginnt ein anderer Chat. Dieser wird beendet, falls er in keinem anderen Tab offen ist.",
    oldStays:
      "Mit einer neuen Frage beginnt ein anderer Chat. Zu diesem können Sie dann nicht mehr zurück; er bleibt offen, bis die Bibliothek ihn beendet.",
  },
  turnedAway: {
    letInNoLonger:
      "Sie können nicht zu Ihrem Chat zurück: Die Bibliothek lässt diese Seite nicht mehr zu, wahrscheinlich weil sie zu lange weg war. Fragen Sie wieder, um weiterzumachen.",
    notRemembered:
      "Sie können nicht zu diesem Chat zurück: Er ist beendet, oder dieser Browser erinnert sich nicht mehr an ihn. Fragen Sie wieder, um weiterzumachen.",
    notTakenInTime:
      "Die Verbindung war zu lange verloren, und Ihre Frage ist vielleicht nicht angekommen. Sie steht noch hier: Senden Sie sie noch einmal.",
    perhapsTaken: PERHAPS_TAKEN,
    perhapsTakenAsItIs: `${PERHAPS_TAKEN} Wenn das nicht hilft, kopieren Sie sie und laden Sie diese Seite neu.`,
    notTakenBefore:
      "Ihre Frage war noch nicht angekommen, als diese Seite verlassen wurde. Stellen Sie sie noch einmal.",
    gone: "Sie können nicht zu Ihrem Chat zurück: Die Bibliothek hat ihn nicht mehr. Fragen Sie wieder, um weiterzumachen.",
    noReturn: "Sie können nicht zu Ihrem Chat zurück.",
    notTaken: "Ihre Frage ist nicht angekommen. Versuchen Sie es noch einmal.",
  },
};
