/** The script of the seat map. */

import { defineSeatMap } from "../seats/element";
import { enhance } from "./common";

enhance();
// A task of its own: a press on the page is answered between reading the script and the first picture.
setTimeout(defineSeatMap);
