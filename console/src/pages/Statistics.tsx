import { Page } from "../components/basics";

export default function Statistics() {
  return <Page title="Statistics">…</Page>;
}
