// What every module of the page needs of its libraries.
import { h, render, Fragment } from "preact";
import htm from "htm";

export { render, Fragment };
export * from "preact/hooks";
export const html = htm.bind(h);
