/** What patrons read, in French. */
import type { Texts } from "./english";
import { numberIn, pluralIn } from "./forms";

const plural = pluralIn("fr");
const number = numberIn("fr");
const characters = (count: number) =>
  plural(count, { one: `${count} caractère`, other: `${number(count)} caractères` });

const HERE = "Une personne de la bibliothèque va vous rejoindre ici.";
const NOBODY = "Il n’y a personne de la bibliothèque en ce moment.";
const CLOSED = "Le chat est fermé pour le moment, et il se peut que personne ne puisse vous répondre aujourd’hui.";
const PERHAPS_TAKEN =
  "Il n’est pas certain que votre question soit arrivée. Renvoyez-la : elle n’est posée qu’une seule fois, même si vous l’envoyez plusieurs fois.";

/** The French texts. */
export const texts: Texts = {
  refusals: {
    EMPTY: "Rien n’est écrit.",
    TOO_LONG: (limit) =>
      limit === undefined
        ? "Le texte est trop long ; raccourcissez-le."
        : `Le texte est trop long ; la limite est de ${characters(limit)}. Raccourcissez-le.`,
    CONTROL_CHARACTER:
      "Le texte contient un caractère de contrôle invisible ; retirez-le ou écrivez de nouveau le texte.",
    BAD_EMAIL: "Ce n’est pas une adresse e-mail. Écrivez-la comme nom@example.org, ou laissez ce champ vide.",
    TOO_FAST: "C’était trop à la fois. Attendez un instant.",
    TOO_MANY_ATTEMPTS: "Il y a eu trop d’essais. Réessayez dans un instant.",
    SESSION_FULL: "Ce chat est plein. Terminez-le et continuez dans un nouveau chat.",
    ENDED: "Ce chat est terminé.",
    ERASED: "Ce chat a été effacé ; on ne peut plus rien y ajouter.",
    NOT_FOUND: "La bibliothèque n’a plus ce chat.",
    UNAUTHENTICATED: "La bibliothèque ne donne plus accès à cette page.",
    RESOURCE_EXHAUSTED: "Il y a trop de demandes en ce moment. Réessayez un peu plus tard.",
    field: "Ceci ne peut pas être envoyé ainsi. Vérifiez-le.",
    unknown: "Le serveur de chat de la bibliothèque ne peut pas répondre en ce moment.",
    other: "Cela n’a pas été possible.",
  },
  head: {
    ask: "Demandez à la bibliothèque",
    askLibrary: (library) => `Poser une question : ${library}`,
    practice: "[Exercice]",
    language: "Langue",
    languageFailed: (name) => `« ${name} » n’a pas pu être chargé. Veuillez le choisir de nouveau.`,
    sound: "Son",
    soundTitle: "Un son quand quelqu’un de la bibliothèque arrive ou écrit pendant que vous regardez ailleurs",
    soundWhen: "quand quelqu’un de la bibliothèque arrive ou écrit pendant que vous regardez ailleurs",
    soundAndColours: "Son et couleurs",
    soundColoursAndLanguage: "Son, couleurs et langue",
    soundIsOff: "Le son s’active dès que vous cliquez",
    volume: "Volume",
    perCent: (percent) => `${percent} pour cent`,
    coloursTitle: (now, next) => `Couleurs : ${now}. Appuyez pour choisir : ${next}.`,
    colours: (now, next) => `Couleurs : ${now}. Changer pour : ${next}.`,
    themes: { system: "celles du système", light: "claires", dark: "sombres" },
  },
  connection: {
    label: "Connexion",
    offline: "Hors ligne",
    connected: "Connexion établie",
    checking: "Vérification de la connexion…",
    connecting: "Connexion…",
    reconnecting: "Reconnexion",
    inSeconds: (seconds) => `dans ${seconds} s`,
    tryNow: "Essayer maintenant",
    loggedOut: "Accès terminé",
    outOfDate: "Page non à jour",
    reload: "Recharger cette page",
    notConnected: "Sans connexion",
  },
  page: {
    oneMoment: "Un instant…",
    tryAgain: "Réessayer",
    cannotBeShown: "Cette page ne peut pas être affichée",
    chooseLibrary: "Choisir votre bibliothèque",
    noSuchLibrary:
      "Il n’y a pas de bibliothèque à cette adresse. Vérifiez l’adresse, ou choisissez votre bibliothèque dans la liste.",
    noPractice: (library) => `${library} n’a pas de file d’exercice ; on ne peut donc pas s’exercer sur cette page.`,
    broken: "Une erreur s’est produite sur cette page. Rechargez-la.",
    brokenTryAgain: "Une erreur s’est produite sur cette page. Rechargez-la, puis réessayez.",
    unreachable:
      "Le serveur de chat de la bibliothèque ne répond pas. Vérifiez votre connexion au réseau, puis réessayez.",
    notLetIn: "Le serveur ne vous a pas donné accès. Réessayez dans une minute.",
    uncertain: (why) => `Il n’est pas certain que cela ait été fait. ${why}`,
    cleared: "Cette page a été vidée.",
    clearedForGood: "Cette page a été vidée. Il ne reste rien de votre chat dans ce navigateur.",
  },
  form: {
    title: "Que souhaitez-vous savoir ?",
    welcome: (library) => `Le personnel vous aide volontiers (${library}).`,
    practice: "Ceci est un exercice.",
    practiceText:
      "Les bibliothécaires s’en servent pour apprendre à répondre. Aucune question n’y reçoit de vraie réponse.",
    question: "Votre question",
    name: "Votre nom",
    email: "Adresse e-mail",
    optional: "facultatif",
    hint: "Une phrase ou deux suffisent pour commencer.",
    emailHint:
      "Pour les bibliothécaires, au cas où la réponse viendrait plus tard. Aucune transcription n’y est envoyée ; vous pourrez enregistrer le chat à la fin.",
    noEmail: "Ce n’est pas une adresse e-mail. Écrivez-la comme nom@example.org, ou laissez ce champ vide.",
    noQuestion: "Écrivez d’abord votre question.",
    closed: "Le chat est fermé maintenant ; personne ne pourrait vous répondre.",
    keepMainPoint: "Gardez l’essentiel ; vous pourrez compléter dans le chat.",
    send: "Commencer le chat",
    sending: "Envoi…",
    sendingQuestion: "Envoi de votre question…",
    cutOff:
      "Le serveur de chat de la bibliothèque ne répond pas en ce moment. Votre question sera envoyée dès qu’il répondra. Gardez cette page ouverte.",
    privacyLabel: "Vie privée",
    privacy: "Votre vie privée",
    fullStatement: "La déclaration complète :",
  },
  closed: {
    title: "Le chat est fermé",
    leaveNow: "Vous pouvez laisser votre question maintenant et recevoir une réponse plus tard :",
    opensHere: "Vous pouvez garder cette page ouverte : quand le chat ouvrira, il s’ouvrira ici de lui-même.",
    nobody: NOBODY,
    nobodyText:
      "Vous pouvez tout de même poser votre question et attendre, mais nous ne pouvons pas dire quand quelqu’un viendra.",
    orLeave: "Ou laissez votre question et recevez une réponse plus tard :",
    whileWriting: "Le chat a fermé pendant que vous écriviez.",
    staysHere: "Ce que vous avez écrit reste ici pour que vous puissiez le copier.",
    leave: "Laisser votre question",
    theLibrary: "La bibliothèque",
    unknownTime: (library) => `${library} n’indique pas quand le chat rouvrira.`,
    opens: (library, time) => `${library} répondra de nouveau ici ${time}, à votre heure.`,
  },
  time: {
    today: (clock) => `aujourd’hui à ${clock}`,
    tomorrow: (clock) => `demain à ${clock}`,
    yesterday: (clock) => `hier à ${clock}`,
    on: (day, clock) => `le ${day} à ${clock}`,
    onWeekday: (day, clock) => `${day} à ${clock}`,
  },
  waiting: {
    inQueue: "Vous êtes dans la file d’attente",
    next: "Vous êtes en tête de la file",
    ahead: (count) =>
      plural(count, { one: `${count} personne est avant vous`, other: `${number(count)} personnes sont avant vous` }),
    inTab: {
      open: `${HERE} En attendant, vous pouvez regarder d’autres onglets ; le titre de celui-ci change quand quelqu’un vient.`,
      unstaffed: `${NOBODY} Vous gardez votre place, et le titre de cet onglet change quand quelqu’un vient, mais nous ne pouvons pas dire quand ce sera.`,
      closed: `${CLOSED} Vous gardez votre place tant que cette page reste ouverte.`,
    },
    inSite: {
      open: `${HERE} En attendant, vous pouvez parcourir ce site : réduisez le chat, et son bouton vous dira quand quelqu’un vient.`,
      unstaffed: `${NOBODY} Vous gardez votre place, et le bouton du chat vous dira quand quelqu’un vient, mais nous ne pouvons pas dire quand ce sera.`,
      closed: `${CLOSED} Vous gardez votre place tant que vous restez sur ce site.`,
    },
    inPage: {
      open: `${HERE} Restez sur cette page : les réglages de votre navigateur ne permettent pas de continuer le chat sur une autre page de ce site.`,
      unstaffed: `${NOBODY} Vous gardez votre place tant que vous restez sur cette page, mais nous ne pouvons pas dire quand quelqu’un viendra.`,
      closed: `${CLOSED} Vous gardez votre place tant que vous restez sur cette page.`,
    },
    trouble: "Nous n’arrivons pas à accéder à votre place dans la file en ce moment ; nous essayons toujours.",
    outOfDate: "Cette page n’est plus à jour. Rechargez-la : vous gardez votre place.",
    lost: "La connexion est perdue. Vous gardez votre place, et nous essayons de joindre de nouveau la bibliothèque.",
    orLeave: "Au lieu d’attendre, vous pouvez laisser votre question et recevoir une réponse plus tard :",
    question: "Votre question",
    keptBoth: "Ce que vous et la bibliothèque avez écrit jusqu’ici est conservé.",
    written: "Ce que vous avez écrit jusqu’ici.",
    notSent:
      "Votre question est en attente. Ce que vous avez écrit depuis n’a pas été envoyé ; vous le trouverez ci-dessous.",
    addMore: "Vous pouvez compléter votre question en attendant",
    placeholder: "Écrivez à la personne qui vous répondra",
    leave: "Quitter la file",
    leaving: "Départ…",
    leaveTitle: "Quitter la file d’attente ?",
    leaveText:
      "Votre question est retirée et personne n’y répondra ici. Vous pouvez poser une nouvelle question à tout moment.",
    keepWaiting: "Continuer d’attendre",
  },
  chat: {
    ending: "Fin du chat…",
    endTitle: "Terminer ce chat ?",
    endText: (librarian) =>
      `${librarian} ne pourra plus vous répondre ici. Vous pourrez encore lire et enregistrer ce qui a été écrit.`,
    end: "Terminer le chat",
    keepChatting: "Continuer le chat",
    writeTo: (librarian) => `Écrivez à ${librarian}`,
    writeToLibrarian: "Écrivez à la bibliothèque",
    typing: (name, where) => `${name} est en train d’écrire${where}…`,
    trouble: "Nous n’arrivons pas à accéder à votre chat en ce moment ; nous essayons toujours.",
    outOfDate:
      "Cette page n’est plus à jour. Rechargez-la : votre chat est conservé et reprend où il en était. Un message dont l’envoi n’est pas confirmé n’est pas conservé ; copiez-le d’abord.",
    lost: "La connexion est perdue. Votre chat est conservé, et ce que vous écrivez maintenant sera envoyé dès que la connexion sera rétablie. Gardez cette page ouverte.",
  },
  box: {
    message: "Votre message",
    keys: "Entrée envoie, Maj+Entrée commence une nouvelle ligne",
    send: "Envoyer",
    characters,
    left: (count) =>
      plural(count, { one: `Il reste ${count} caractère`, other: `Il reste ${number(count)} caractères` }),
    tooMany: (over, limit) => `${characters(over)} de trop ; la limite est de ${number(limit)}.`,
    shorten: "Raccourcissez-le, ou envoyez-le en deux parties.",
    tooLong: (limit) =>
      `C’est trop long pour être envoyé ; la limite est de ${number(limit)} caractères. Raccourcissez-le, ou envoyez-le en deux parties.`,
  },
  stream: {
    conversation: "Conversation",
    you: "Vous",
    asked: "question",
    sent: "Envoyé",
    sending: "Envoi…",
    late: "Pas encore confirmé. Un nouvel envoi se fera de lui-même ; gardez cette page ouverte.",
    stuck: "Pas confirmé, et cette page ne peut plus rien envoyer. Copiez-le, puis rechargez la page.",
    notSent: "Pas envoyé.",
    perhapsSent: "Peut-être pas envoyé.",
    retry: "Réessayer",
    edit: "Modifier",
    discard: "Abandonner",
    pageFrom: "Page web de",
    news: (count) => plural(count, { one: `${count} nouveau`, other: `${number(count)} nouveaux` }),
    goToNewest: ", aller au plus récent",
    newest: "Le plus récent",
  },
  events: {
    somebody: "Quelqu’un",
    patron: "Usager",
    librarian: "Bibliothécaire",
    theLibrarian: "La bibliothèque",
    afterwards: ", puis ",
    waitingAgain: "Vous attendez de nouveau une réponse de la bibliothèque",
    nowAnswering: (name) => `${name} vous répond maintenant`,
    anotherLibrarian: "Une autre personne de la bibliothèque",
    joined: (name) => `${name} a rejoint le chat`,
    left: (name) => `${name} a quitté le chat`,
    erased: "Le texte de ce chat a été effacé",
    identityErased: "Votre nom et votre adresse e-mail ont été effacés de ce chat",
    youLeftQueue: "Vous avez quitté la file d’attente",
    youEnded: "Vous avez terminé le chat",
    ended: (name) => `${name} a terminé le chat`,
    abandoned: "Le chat a pris fin, car votre absence a été trop longue",
  },
  news: {
    here: (name) => `${name} est là. Le chat a commencé.`,
    page: (name, host) => `${name} a envoyé une page web : ${host}`,
    waitingAgain: "Vous attendez de nouveau une réponse de la bibliothèque. Ce que vous avez écrit est conservé.",
  },
  ended: {
    youEnded: "Vous avez terminé le chat",
    thanks: (library) => `${library} vous remercie de votre question.`,
    thanksAskAgain: (library) => `${library} vous remercie de votre question et vous répondra volontiers de nouveau.`,
    yourLibrary: "votre bibliothèque",
    away: "Votre absence a été trop longue",
    cannotContinue: "Votre chat ne peut pas continuer ici",
    lost: "Cette page ne peut plus revenir à votre chat. Ce qui a été écrit se trouve ci-dessous ; pour continuer, posez une nouvelle question.",
    erased: "Ce chat a été effacé",
    erasedText: (library) =>
      `Ce qui y a été écrit n’est plus conservé. Vous pouvez poser une nouvelle question à tout moment (${library}).`,
    leftQueue: "Vous avez quitté la file d’attente",
    leftAfterChat: (library) =>
      `Ce qui a été écrit se trouve ci-dessous. Vous pouvez poser une nouvelle question à tout moment (${library}).`,
    unanswered: (library) =>
      `Personne n’a répondu. Vous pouvez poser une nouvelle question à tout moment (${library}).`,
    leaveQuestion: "Vous pouvez aussi laisser votre question et recevoir une réponse plus tard :",
    askAnother: "Poser une autre question",
    save: "Enregistrer en texte",
    print: "Imprimer",
    shared: "Sur un ordinateur partagé ?",
    sharedText: "Videz cette page quand vous avez fini, pour que personne après vous ne puisse lire votre chat.",
    clear: "Vider cette page",
    transcript: "Transcription",
    survey: "Qu’en avez-vous pensé ?",
    surveyLink: "Répondre à quelques questions",
    wasNotSent: "Ceci n’a pas été envoyé. Si vous posez une autre question, vous le trouverez dans le formulaire :",
    mayNotBeSent:
      "Il se peut que ceci n’ait pas été envoyé. Si vous posez une autre question, vous le trouverez dans le formulaire :",
  },
  file: {
    chatWith: (library) => `Chat avec ${library}`,
    librarians: (count, names) => `${plural(count, { one: "Bibliothécaire", other: "Bibliothécaires" })} : ${names}`,
    page: (name, address) => `${name} a envoyé une page web : ${address}`,
  },
  remembered: {
    began: (time) => `Il a commencé ${time}.`,
    goOn: "Continuer ce chat",
    startNew: "Commencer un nouveau chat",
    closed: {
      title: "Un chat est resté ouvert dans ce navigateur",
      text: "Son onglet a été fermé avant la fin du chat. Si c’est votre chat, vous pouvez le continuer ici.",
      fate: "Un nouveau chat termine l’ancien, et ce navigateur l’oublie.",
    },
    open: {
      title: "Un chat est ouvert dans un autre onglet",
      text: "Si c’est votre chat, vous pouvez le continuer dans cet autre onglet ou dans celui-ci.",
      fate: "Un nouveau chat dans cet onglet ne change rien dans l’autre.",
    },
    unknown: {
      title: "Un chat a été commencé dans ce navigateur",
      text: "Il est peut-être encore ouvert dans un autre onglet. Si c’est votre chat, vous pouvez le continuer ici.",
      fate: "Si vous commencez un nouveau chat, ce navigateur oublie l’ancien. Si celui-ci n’est pas ouvert dans un autre onglet, il reste ouvert jusqu’à ce que la bibliothèque le termine.",
    },
  },
  returning: {
    title: "Retour à votre chat",
    outOfDate:
      "Cette page n’est plus à jour. Votre chat est conservé : rechargez la page pour y revenir. Si cela n’aide pas, posez une nouvelle question.",
    cutOff:
      "Nous n’arrivons pas à accéder au serveur de chat de la bibliothèque en ce moment. Votre chat est conservé, et cette page continue d’essayer d’y revenir.",
    late: "Le retour à votre chat prend plus de temps que d’habitude. Votre chat est conservé, et cette page continue d’essayer.",
    soon: "Retour à votre chat…",
    askNew: "Poser plutôt une nouvelle question",
    oldEnds:
      "Une nouvelle question commence un autre chat. Celui-ci est terminé, sauf s’il est ouvert dans un autre onglet.",
    oldStays:
      "Une nouvelle question commence un autre chat. Vous ne pourrez pas revenir à celui-ci, qui reste ouvert jusqu’à ce que la bibliothèque le termine.",
  },
  turnedAway: {
    letInNoLonger:
      "Vous ne pouvez pas revenir à votre chat : la bibliothèque ne donne plus accès à cette page, sans doute après une trop longue absence. Pour continuer, posez une nouvelle question.",
    notRemembered:
      "Vous ne pouvez pas revenir à ce chat : il est terminé, ou ce navigateur ne s’en souvient plus. Pour continuer, posez une nouvelle question.",
    notTakenInTime:
      "La connexion a été perdue trop longtemps, et votre question n’est peut-être pas arrivée. Elle est toujours ici : renvoyez-la.",
    perhapsTaken: PERHAPS_TAKEN,
    perhapsTakenAsItIs: `${PERHAPS_TAKEN} Si cela n’aide pas, copiez-la et rechargez cette page.`,
    notTakenBefore: "Votre question n’était pas arrivée quand cette page a été quittée. Posez-la de nouveau.",
    gone: "Vous ne pouvez pas revenir à votre chat : la bibliothèque ne l’a plus. Pour continuer, posez une nouvelle question.",
    noReturn: "Vous ne pouvez pas revenir à votre chat.",
    notTaken: "Votre question n’est pas arrivée. Réessayez.",
  },
};
