import { effect, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const STORED = "theme";
const system = matchMedia("(prefers-color-scheme: dark)");

const chosen = signal(localStorage.getItem(STORED) as Theme | null);
const preferred = signal<Theme>(system.matches ? "dark" : "light");

/** The theme in use: the chosen one, else the system's. */
export const theme = signal<Theme>(chosen.value ?? preferred.value);

system.addEventListener("change", () => (preferred.value = system.matches ? "dark" : "light"));
effect(() => {
  theme.value = chosen.value ?? preferred.value;
  document.documentElement.dataset["theme"] = theme.value;
});

export function chooseTheme(wanted: Theme): void {
  localStorage.setItem(STORED, wanted);
  chosen.value = wanted;
}
