"""Airflow reads this DAG file to show what is wrong with use_cases/, as one import error; all other DAGs live."""

from mlops.errors import MlopsError
from mlops_airflow.use_case_dags import use_case_findings

if findings := use_case_findings():
    lines = "\n".join(findings)
    raise MlopsError("USECASE-010", f"{len(findings)} finding(s)", where="use_cases/", todo=f"correct them:\n{lines}")
