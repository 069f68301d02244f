/** What the status of a response says of its sender. */

/**
 * Whether a site that works has answered. One that is down or full says nothing of what was asked
 * for, nor does a gateway that gave up waiting for the whole request (408).
 */
export function isAnswer(status: number): boolean {
  return status < 500 && status !== 429 && status !== 408;
}
