/** The tickets that a device keeps for the way to the hall, until the day after. */

import { KeptPages } from "../core/kept";

export const keptTickets = new KeptPages({
  prefix: "fr-ticket:",
  until: "Ticket-Kept-Until",
  paths: /^\/(ko|en)\/me\/tickets\/[0-9a-f-]{36}\/$/,
});
