"""Airflow loads this file: the listener and the pages of the platform."""

from mlops_airflow.plugin import MlopsPlugin

__all__ = ["MlopsPlugin"]
