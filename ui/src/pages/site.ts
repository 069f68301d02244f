/** The script of pages that have no own one. */

import { enhance } from "./common";

enhance();
