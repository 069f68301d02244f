/** The pages of the door that a device keeps, until a day after the show. */

import { KeptPages } from "../../core/kept";

export const keptDoors = new KeptPages({
  prefix: "fr-door:",
  until: "Door-Kept-Until",
  paths: /^\/(ko|en)\/door\/([0-9a-f-]{36}\/)?$/,
});
