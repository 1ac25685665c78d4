"""`segment-analytics-python`, as its documentation uses it. HOST and WRITE_KEY come from the environment, GZIP=1 compresses;
ends with 0 once everything was delivered."""

import os
import sys

from segment import analytics

faults = []
analytics.write_key = os.environ["WRITE_KEY"]
analytics.host = os.environ["HOST"]
analytics.gzip = os.environ.get("GZIP") == "1"
analytics.on_error = lambda fault, items: faults.append(fault)

analytics.identify("customer-1", {"plan": "pro", "seats": 5}, anonymous_id="device-1")
analytics.track("customer-1", "Order Completed", {"total": 59.5, "products": [{"sku": "mug-1"}]}, anonymous_id="device-1")
analytics.page("customer-1", None, "Shop", {"url": "https://shop.example/sale"}, anonymous_id="device-1")
analytics.screen("customer-1", None, "Basket", {"items": 2}, anonymous_id="device-1")
analytics.group("customer-1", "company-1", {"name": "Nook"}, anonymous_id="device-1")
analytics.alias("device-1", "customer-1")
analytics.flush()

if faults:
    print(faults, file=sys.stderr)
    sys.exit(1)
