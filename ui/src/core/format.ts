/** Numbers, money and times as people read them. */

import { language, text } from "./text";

export interface Money {
  readonly amount: number;
  readonly currency: string;
}

const NUMBERS = new Intl.NumberFormat(language);

/** Return a whole number with its separators. */
export function number(value: number): string {
  return NUMBERS.format(value);
}

/** Return money in minor units as people write it: "150,000원", "₩150,000". */
export function money({ amount, currency }: Money): string {
  if (currency === "KRW") {
    const sign = amount < 0 ? "-" : "";
    return text({ ko: `${number(amount)}원`, en: `${sign}₩${number(Math.abs(amount))}` });
  }
  const format = new Intl.NumberFormat(language, { style: "currency", currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 0));
}

/** Return the time of day of a moment (milliseconds) on this device, with seconds. */
export function timeOfDay(at: number): string {
  return new Intl.DateTimeFormat(language, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).format(at);
}

/** Return an hour (milliseconds) on this device, and its day in a second line. */
export function hourAndDay(at: number): string {
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  const day = { month: "short", day: "numeric" } as const;
  const written = [time, day].map((parts) => new Intl.DateTimeFormat(language, parts).format(at));
  return written.join("\n");
}

/** Return a moment (RFC 3339) in a time zone, which it names. */
export function dateTime(at: string, timeZone: string): string {
  const zone = { timeZone, timeZoneName: "short" } as const;
  const day = { month: "long", day: "numeric", weekday: "short" } as const;
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  return new Intl.DateTimeFormat(language, { ...day, ...time, ...zone }).format(new Date(at));
}

/** Return minutes and seconds that are left, never below none: "4:05". */
export function minutesAndSeconds(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Return what is left of a longer time: days, hours, minutes and seconds, at will tenths. */
export function remaining(milliseconds: number, tenths = false): string {
  const left = Math.max(
    0,
    tenths ? Math.ceil(milliseconds / 100) * 100 : Math.ceil(milliseconds / 1000) * 1000,
  );
  const days = Math.floor(left / 86_400_000);
  const hours = Math.floor(left / 3_600_000) % 24;
  const minutes = Math.floor(left / 60_000) % 60;
  const seconds = Math.floor(left / 1000) % 60;
  const two = (value: number) => String(value).padStart(2, "0");
  const fraction = tenths ? `.${Math.floor(left / 100) % 10}` : "";
  const clock = `${two(hours)}:${two(minutes)}:${two(seconds)}${fraction}`;
  return days > 0 ? `${text({ ko: `${days}일`, en: `${days}d` })} ${clock}` : clock;
}
