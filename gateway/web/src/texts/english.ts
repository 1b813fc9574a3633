/** What patrons read, in English. The other languages have the same texts: what one lacks does not compile. */
import { numberIn, pluralIn } from "./forms";
import type { Refusals } from "./refusals";

const plural = pluralIn("en");
const number = numberIn("en");
const characters = (count: number) => plural(count, { one: "1 character", other: `${count} characters` });

const HERE = "A librarian will join you here.";
const NOBODY = "No librarian is here right now.";
const CLOSED = "The chat has closed for now, and there may be nobody to answer you today.";
const PERHAPS_TAKEN =
  "It is not certain whether your question got through. Send it again: it is asked only once, however often you send it.";

/** The English texts. */
export const english = {
  /** The server's own words are English. */
  refusals: undefined as Refusals | undefined,
  head: {
    ask: "Ask a librarian",
    askLibrary: (library: string) => `Ask ${library}`,
    practice: "[Practice]",
    language: "Language",
    languageFailed: (name: string) => `“${name}” could not be loaded. Please choose it again.`,
    sound: "Sound",
    soundTitle: "A sound when a librarian joins or writes while you're looking elsewhere",
    soundWhen: "when a librarian joins or writes while you're looking elsewhere",
    soundAndColours: "Sound and colours",
    soundColoursAndLanguage: "Sound, colours and language",
    soundIsOff: "Sound is off until you click",
    volume: "Volume",
    perCent: (percent: number) => `${percent} per cent`,
    coloursTitle: (now: string, next: string) => `Colours: ${now}. Press for ${next}.`,
    colours: (now: string, next: string) => `Colours: ${now}. Change to ${next}.`,
    themes: { system: "system default", light: "light", dark: "dark" },
  },
  connection: {
    label: "Connection",
    offline: "Offline",
    connected: "Connected",
    checking: "Checking the connection …",
    connecting: "Connecting …",
    reconnecting: "Reconnecting",
    inSeconds: (seconds: number) => `in ${seconds} s`,
    tryNow: "Try now",
    loggedOut: "Logged out",
    outOfDate: "Out of date",
    reload: "Reload this page",
    notConnected: "Not connected",
  },
  page: {
    oneMoment: "One moment …",
    tryAgain: "Try again",
    cannotBeShown: "This page can't be shown",
    chooseLibrary: "Choose your library",
    noSuchLibrary: "There is no library at this address. Check the address, or choose your library from the list.",
    noPractice: (library: string) => `${library} has no practice queue, so nothing can be practised on this page.`,
    broken: "Something went wrong on this page. Reload it.",
    brokenTryAgain: "Something went wrong on this page. Reload it, then try again.",
    unreachable: "The library's chat server is not answering. Check your network connection, then try again.",
    notLetIn: "The server did not let you in. Try again in a minute.",
    uncertain: (why: string) => `It is not certain whether this was done. ${why}`,
    cleared: "This page has been cleared.",
    clearedForGood: "This page has been cleared. Nothing of your chat is left in this browser.",
  },
  form: {
    title: "What would you like to know?",
    welcome: (library: string) => `The librarians of ${library} are glad to help.`,
    practice: "This is for practice.",
    practiceText: "Librarians use it to learn how to answer. No question is answered for real.",
    question: "Your question",
    name: "Your name",
    email: "E-mail",
    optional: "optional",
    hint: "A sentence or two is enough to begin with.",
    emailHint:
      "For the librarian, in case your answer has to come later. No transcript is sent to it; you can save the chat when it ends.",
    noEmail: "This is not an e-mail address. Write it like name@example.org, or leave it empty.",
    noQuestion: "Write your question first.",
    closed: "The chat is closed now, so nobody could answer.",
    keepMainPoint: "Keep the main point; you can add more in the chat.",
    send: "Start the chat",
    sending: "Sending …",
    sendingQuestion: "Sending your question …",
    cutOff:
      "The library's chat server is not answering at the moment. Your question will be sent as soon as it does. Keep this page open.",
    privacyLabel: "Privacy",
    privacy: "Your privacy",
    fullStatement: "The full statement:",
  },
  closed: {
    title: "The chat is closed",
    leaveNow: "You can leave your question now and get an answer later:",
    opensHere: "You can keep this page open: when the chat opens, it opens here by itself.",
    nobody: NOBODY,
    nobodyText: "You can still ask and wait, but we can't say when somebody will come.",
    orLeave: "Or leave your question and get an answer later:",
    whileWriting: "The chat closed while you were writing.",
    staysHere: "What you have written stays here so that you can copy it.",
    leave: "Leave your question",
    theLibrary: "The library",
    unknownTime: (library: string) => `${library} doesn't say when the chat will open again.`,
    opens: (library: string, time: string) => `${library} answers here again ${time}, your time.`,
  },
  time: {
    today: (clock: string) => `today at ${clock}`,
    tomorrow: (clock: string) => `tomorrow at ${clock}`,
    yesterday: (clock: string) => `yesterday at ${clock}`,
    on: (day: string, clock: string) => `on ${day} at ${clock}`,
    /** `day` is the name of a day of the coming week. */
    onWeekday: (day: string, clock: string) => `on ${day} at ${clock}`,
  },
  waiting: {
    inQueue: "You are in the queue",
    next: "You are next",
    ahead: (count: number) =>
      plural(count, { one: "1 patron is ahead of you", other: `${count} patrons are ahead of you` }),
    inTab: {
      open: `${HERE} You can look at other tabs in the meantime; this tab's title changes when somebody comes.`,
      unstaffed: `${NOBODY} You keep your place, and this tab's title changes when somebody comes, but we can't say when that will be.`,
      closed: `${CLOSED} You keep your place as long as this page is open.`,
    },
    /** On the library's own web site, where no title changes but the widget's button is always there. */
    inSite: {
      open: `${HERE} You can look around on this site in the meantime: minimise the chat, and its button says when somebody comes.`,
      unstaffed: `${NOBODY} You keep your place, and the chat's button says when somebody comes, but we can't say when that will be.`,
      closed: `${CLOSED} You keep your place as long as you are on this site.`,
    },
    /** In a browser that lets the chat not go on on the site's next page. */
    inPage: {
      open: `${HERE} Stay on this page: your browser's settings don't let the chat go on on another page of this site.`,
      unstaffed: `${NOBODY} You keep your place as long as you stay on this page, but we can't say when somebody will come.`,
      closed: `${CLOSED} You keep your place as long as you stay on this page.`,
    },
    trouble: "Your place in the queue can't be reached right now; we're still trying.",
    outOfDate: "This page is out of date. Reload it: you keep your place.",
    lost: "The connection is lost. You keep your place, and we are trying to reach the library again.",
    orLeave: "You can leave your question instead and get an answer later:",
    question: "Your question",
    keptBoth: "What you and your librarian have written so far is kept.",
    written: "What you have written so far.",
    notSent: "Your question is waiting. What you have written since has not been sent; you will find it below.",
    addMore: "You can add to your question while you wait",
    placeholder: "Write to the librarian who answers",
    leave: "Leave the queue",
    leaving: "Leaving …",
    leaveTitle: "Leave the queue?",
    leaveText: "Your question is withdrawn and no librarian will answer it here. You can ask again at any time.",
    keepWaiting: "Keep waiting",
  },
  chat: {
    ending: "Ending …",
    endTitle: "End this chat?",
    endText: (librarian: string) =>
      `${librarian} will no longer be able to answer you here. You can still read and save what was written.`,
    end: "End chat",
    keepChatting: "Keep chatting",
    writeTo: (librarian: string) => `Write to ${librarian}`,
    /** The same for a librarian whose name is not shown. */
    writeToLibrarian: "Write to the librarian",
    typing: (name: string, where: string) => `${name} is typing${where} …`,
    trouble: "Your chat can't be reached right now; we're still trying.",
    outOfDate:
      "This page is out of date. Reload it: your chat is kept and carries on where it was. A message that is not confirmed as sent is not kept, so copy it first.",
    lost: "The connection is lost. Your chat is kept, and what you write now is sent as soon as the connection is back. Keep this page open.",
  },
  box: {
    message: "Your message",
    keys: "Enter sends, Shift+Enter begins a new line",
    send: "Send",
    characters,
    left: (count: number) => `${characters(count)} left`,
    tooMany: (over: number, limit: number) => `${characters(over)} too many; the limit is ${number(limit)}.`,
    shorten: "Shorten it, or send it in two parts.",
    tooLong: (limit: number) =>
      `This is too long to send; the limit is ${number(limit)} characters. Shorten it, or send it in two parts.`,
  },
  stream: {
    conversation: "Conversation",
    you: "You",
    asked: "asked",
    sent: "Sent",
    sending: "Sending …",
    late: "Not confirmed yet. It will be sent again by itself; keep this page open.",
    stuck: "Not confirmed, and this page can no longer send anything. Copy it, then reload the page.",
    notSent: "Not sent.",
    perhapsSent: "May not have been sent.",
    retry: "Retry",
    edit: "Edit",
    discard: "Discard",
    pageFrom: "Web page from",
    news: (count: number) => `${count} new`,
    goToNewest: ", go to the newest",
    newest: "Newest",
  },
  /** What happened in the chat, as lines of it. */
  events: {
    somebody: "Somebody",
    patron: "Patron",
    librarian: "Librarian",
    /** A librarian whose name is not shown, at the beginning of a sentence. */
    theLibrarian: "The librarian",
    afterwards: ", then ",
    waitingAgain: "You are waiting for a librarian again",
    nowAnswering: (name: string) => `${name} is now answering you`,
    anotherLibrarian: "Another librarian",
    joined: (name: string) => `${name} joined the chat`,
    left: (name: string) => `${name} left the session`,
    erased: "The text of this chat was erased",
    identityErased: "Your name and e-mail address were erased from this chat",
    youLeftQueue: "You left the queue",
    youEnded: "You ended the chat",
    ended: (name: string) => `${name} ended the chat`,
    abandoned: "The chat was ended because you were away for too long",
  },
  /** What screen readers are told as it happens. */
  news: {
    here: (name: string) => `${name} is here. The chat has begun.`,
    page: (name: string, host: string) => `${name} sent a web page: ${host}`,
    waitingAgain: "You are waiting for a librarian again. What you have written is kept.",
  },
  ended: {
    youEnded: "You ended the chat",
    thanks: (library: string) => `Thank you for asking ${library}.`,
    thanksAskAgain: (library: string) => `Thank you for asking ${library}. If there is anything else, ask again.`,
    yourLibrary: "your library",
    away: "You were away for too long",
    cannotContinue: "Your chat can't continue here",
    lost: "This page can no longer return to your chat. What was written is below; ask again to continue.",
    erased: "This chat was erased",
    erasedText: (library: string) =>
      `What was written in it is not kept any more. You can ask ${library} again at any time.`,
    leftQueue: "You left the queue",
    leftAfterChat: (library: string) => `What was written is below. You can ask ${library} again at any time.`,
    unanswered: (library: string) => `No librarian has answered. You can ask ${library} again at any time.`,
    leaveQuestion: "You can also leave your question and get an answer later:",
    askAnother: "Ask another question",
    save: "Save as text",
    print: "Print",
    shared: "On a shared computer?",
    sharedText: "Clear this page when you have finished, so that nobody after you can read your chat.",
    clear: "Clear this page",
    transcript: "Transcript",
    survey: "How was it?",
    surveyLink: "Answer a few questions",
    wasNotSent: "This was not sent. If you ask another question, you will find it in the form:",
    mayNotBeSent: "This may not have been sent. If you ask another question, you will find it in the form:",
  },
  /** The head and the lines of a saved chat, where the page has no words of the same. */
  file: {
    chatWith: (library: string) => `Chat with ${library}`,
    librarians: (count: number, names: string) =>
      `${plural(count, { one: "Librarian", other: "Librarians" })}: ${names}`,
    page: (name: string, address: string) => `${name} sent a web page: ${address}`,
  },
  /** A chat that the browser remembers. */
  remembered: {
    began: (time: string) => `It began ${time}.`,
    goOn: "Go on with this chat",
    startNew: "Start a new chat",
    closed: {
      title: "A chat was left open in this browser",
      text: "Its tab was closed before the chat was ended. If it's your chat, you can go on with it here.",
      fate: "A new chat ends the old one, and this browser forgets it.",
    },
    open: {
      title: "A chat is open in another tab",
      text: "If it's your chat, you can go on with it in that tab or in this one.",
      fate: "A new chat in this tab changes nothing in the other one.",
    },
    unknown: {
      title: "A chat was begun in this browser",
      text: "It may still be open in another tab. If it's your chat, you can go on with it here.",
      fate: "If you start a new chat, this browser forgets the old one. If that isn't open in another tab, it stays open until a librarian ends it.",
    },
  },
  returning: {
    title: "Back to your chat",
    outOfDate:
      "This page is out of date. Your chat is kept: reload the page to return to it. If that does not help, ask a new question.",
    cutOff:
      "The library's chat server can't be reached at the moment. Your chat is kept, and this page keeps trying to return to it.",
    late: "Getting back to your chat is taking longer than usual. Your chat is kept, and this page keeps trying.",
    soon: "Taking you back to your chat …",
    askNew: "Ask a new question instead",
    oldEnds: "A new question starts another chat. This one is ended, unless it's open in another tab.",
    oldStays:
      "A new question starts another chat. You won't be able to return to this one, which stays open until a librarian ends it.",
  },
  /** Why a question was not taken, or there is no way back to a chat. */
  turnedAway: {
    letInNoLonger:
      "You can't return to your chat: the library no longer lets this page in, probably because it was away for too long. Ask again to continue.",
    notRemembered:
      "You can't return to that chat: it has ended, or this browser no longer remembers it. Ask again to continue.",
    notTakenInTime:
      "The connection was lost for too long, and your question may not have got through. It is still here: send it again.",
    perhapsTaken: PERHAPS_TAKEN,
    perhapsTakenAsItIs: `${PERHAPS_TAKEN} If that does not help, copy it and reload this page.`,
    notTakenBefore: "Your question had not got through when this page was left. Ask it again.",
    gone: "You can't return to your chat: the library no longer has it. Ask again to continue.",
    noReturn: "You can't return to your chat.",
    notTaken: "Your question did not get through. Try again.",
  },
};

/** What patrons read, in one language. */
export type Texts = typeof english;
