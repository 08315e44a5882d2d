// Words that HTML and ARIA define: they stay whatever a visitor types.

const WORDS = new Set(
  `alert alertdialog application article auto banner blockquote button caption cell checkbox code
  color columnheader combobox complementary contentinfo date datetime-local definition deletion
  dialog directory document email emphasis false feed figure file form generic get grid gridcell
  group heading hidden image img inherit initial insertion inset link list listbox listitem log main
  marquee math menu menubar menuitem menuitemcheckbox menuitemradio meter mixed module month name
  navigation none normal note number off on once option paragraph password polite assertive post
  presentation progressbar radio radiogroup range region reset row rowgroup rowheader scrollbar
  search searchbox select separator slider spinbutton stacking status strong stylesheet submit
  subscript superscript switch tab table tablist tabpanel tel term text textbox time timer toolbar
  tooltip tree treegrid treeitem true url visible week _blank _self _parent _top`.split(/\s+/),
);
const PLAIN = /^[\w\s.,:;%#()/+*-]{0,64}$/;

/** *value* looks like an enumeration, a state or a measure, not like somebody's data. */
export function enumerated(value: string, typed: (text: string) => boolean): boolean {
  return WORDS.has(value) || (PLAIN.test(value) && !typed(value));
}
