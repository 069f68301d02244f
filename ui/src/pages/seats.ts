/** The script of the seat map. */

import { defineSeatMap } from "../seats/element";
import { enhance } from "./common";

enhance();
defineSeatMap();
