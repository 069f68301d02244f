/** The script of the waiting room. */

import { defineQueue } from "../queue/element";
import { enhance } from "./common";

enhance();
defineQueue();
