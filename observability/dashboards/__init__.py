"""The four dashboards of the design document as data in; Grafana's JSON out."""
