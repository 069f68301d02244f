/** The script of the page on which staff choose seats. */

import { defineArea } from "../board/area";

defineArea();
