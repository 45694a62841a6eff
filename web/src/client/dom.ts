// Elements of the client page, without a framework.
type Attributes = Record<string, string | boolean | ((event: Event) => void)>;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function button(label: string, press: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return el('button', { type: 'button', click: press, ...attributes }, label);
}

/** Whether nobody is at work anywhere else on the page, so that the focus may go to the screen in `place`. */
export function mayTakeFocus(place: HTMLElement): boolean {
  const active = document.activeElement;
  return active === null || active === document.body || place.contains(active);
}
