/** Menus open inside the main landmark (not in body, outside of all landmarks), yet outside of scrolling tables. */
export function menuPlace(): HTMLElement {
  return document.getElementById('main') ?? document.body;
}
