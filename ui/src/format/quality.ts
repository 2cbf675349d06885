/** The words for a quality: OPC UA status names (Part 4, section 7.39, and Part 8) in plain language for both trades. */

export type QualityClass = "good" | "uncertain" | "bad";
export interface QualityWords {
  class: QualityClass;
  /** Two or three words for a table. */
  short: string;
  /** What it means, in one sentence. */
  text: string;
  /** What to do; empty when nothing. */
  next: string;
}

const KNOWN: Record<string, Omit<QualityWords, "class">> = {
  Good: { short: "Good", text: "Measured and delivered as it should be.", next: "" },
  GoodLocalOverride: {
    short: "Good, overridden",
    text: "Somebody set this value by hand; the sensor is not being read.",
    next: "Ask who set the override before you rely on the value.",
  },
  UncertainLastUsableValue: {
    short: "Uncertain, old",
    text: "The source stopped renewing this value; this is the last usable one.",
    next: "Check the source if it stays.",
  },
  BadWaitingForInitialData: {
    short: "Waiting for first value",
    text: "The point is declared; nothing has been read yet.",
    next: "Wait for one scan. If it stays, look at the connection.",
  },
  BadCommunicationError: {
    short: "Link lost",
    text: "The link to the device is lost. The value shown is the last one that was read.",
    next: "Look at the connection: cable, power of the device, switch.",
  },
  BadNoCommunication: {
    short: "Never read",
    text: "There has been no communication with the device since the start.",
    next: "Look at the connection: address, unit number, firewall.",
  },
  BadNodeIdUnknown: {
    short: "No such point",
    text: "There is no point with this path, or you may not see it.",
    next: "Search for it: it may have been renamed.",
  },
  BadOutOfService: {
    short: "Out of service",
    text: "The device or the point is paused or disabled: Ironbridge sends it nothing.",
    next: "Resume the device on the page Connections when the work is done.",
  },
  BadConfigurationError: {
    short: "Address refused",
    text: "The device refuses this address. It is set aside so that its neighbours stay Good.",
    next: "Compare the address with the manual of the device and correct the tag file.",
  },
  BadSensorFailure: {
    short: "Sensor failure",
    text: "The signal lies outside of what the sensor can send: broken wire or defect.",
    next: "Check the sensor and its wiring.",
  },
  BadDeviceFailure: {
    short: "Device failure",
    text: "The device reports that it has failed itself.",
    next: "Look at the display or the lamps of the device.",
  },
  BadOutOfRange: {
    short: "Does not fit",
    text: "The value cannot be represented in the type that the configuration gives.",
    next: "Compare type and scale of the tag with the manual of the device.",
  },
  BadDecodingError: {
    short: "Cannot be decoded",
    text: "The bytes do not make a value of the type that the configuration gives.",
    next: "Compare type, format and byte order of the tag with what the device sends.",
  },
  BadTypeMismatch: {
    short: "Another type",
    text: "The value is of another type than the one that the connection's file gives.",
    next: "Compare `type` of the tag with what the device holds, and apply the change.",
  },
  BadIndexRangeNoData: {
    short: "No such element",
    text: "The array is shorter than the element that the connection's file names.",
    next: "Compare `element` of the tag with the array in the device.",
  },
  BadNoData: {
    short: "No value",
    text: "The source has the point but no value for it.",
    next: "Look whether the machine fills it; it becomes Good by itself.",
  },
  BadNotConnected: {
    short: "Device cut off",
    text: "The device answers, but what it measures with is cut off from it.",
    next: "Look at the wiring or the bus behind the device.",
  },
  BadNotReadable: {
    short: "Not readable",
    text: "The server does not let this user read the point.",
    next: "Ask who runs the server to permit it, or read another point.",
  },
  BadUserAccessDenied: {
    short: "Not permitted",
    text: "The server does not let this user read the point.",
    next: "Ask who runs the server to permit it.",
  },
  BadUnexpectedError: {
    short: "Source error",
    text: "The source tried to give the value and failed.",
    next: "Look at the log of the source.",
  },
  BadShutdown: {
    short: "Source stopped",
    text: "The source says that it is being shut down.",
    next: "Wait until it runs again.",
  },
  UncertainSubstituteValue: {
    short: "Uncertain, substitute",
    text: "The device gives a substitute: the value does not follow the process now.",
    next: "Ask who took it out of service.",
  },
  UncertainSubNormal: {
    short: "Uncertain, too few",
    text: "The value is made of several sources, and too few of them are good.",
    next: "Look which source fails; the value is right again by itself.",
  },
  UncertainDataSubNormal: {
    short: "Uncertain, gaps",
    text: "The value is made of several samples, and too few of them are good.",
    next: "Look at the time before it: values are missing or bad.",
  },
  UncertainInitialValue: {
    short: "Uncertain, first",
    text: "Nothing has been said by the source yet; this is the value it began with.",
    next: "Wait for the first change.",
  },
  UncertainEngineeringUnitsExceeded: {
    short: "Uncertain, range",
    text: "The value lies outside of the range for which the sensor is sound.",
    next: "Check the sensor, or widen the range in the tag file if it is right.",
  },
};

export function qualityWords(quality: string | null | undefined, good?: boolean): QualityWords {
  const name = quality || (good === false ? "Bad" : "Good");
  const known = KNOWN[name];
  const kind: QualityClass = name.startsWith("Good") ? "good" : name.startsWith("Uncertain") ? "uncertain" : "bad";
  if (known) return { class: kind, ...known };
  return {
    class: kind,
    short: spaced(name),
    text: kind === "good" ? "Usable." : kind === "uncertain" ? "Usable with care." : "Not usable. The value shown is the last one known.",
    next: kind === "bad" ? "Look at the connection of this point." : "",
  };
}

/** "BadOutOfRange" -> "Bad out of range". */
function spaced(name: string): string {
  const text = name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
