/** The script of pages on which a passkey is made or used. */

import { definePasskeys } from "../account/passkeys";
import { enhance } from "./common";

enhance();
definePasskeys();
