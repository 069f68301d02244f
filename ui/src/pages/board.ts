/** The script of a performance's board, for staff. */

import { defineBoard } from "../board/element";

defineBoard();
