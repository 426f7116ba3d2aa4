"""Azure's regions, as `az account list-locations` names them: public Azure, its US Government and China clouds."""

import pulumi

from stack.configuration import nearest

_NAMES = """
    australiacentral australiacentral2 australiaeast australiasoutheast austriaeast belgiumcentral brazilsouth
    brazilsoutheast canadacentral canadaeast centralindia centralus chilecentral denmarkeast eastasia eastus eastus2
    eastus3 francecentral francesouth germanynorth germanywestcentral indonesiacentral israelcentral italynorth
    japaneast japanwest jioindiacentral jioindiawest koreacentral koreasouth malaysiawest mexicocentral newzealandnorth
    northcentralus northeurope norwayeast norwaywest polandcentral qatarcentral southafricanorth southafricawest
    southcentralus southeastasia southindia spaincentral swedencentral swedensouth switzerlandnorth switzerlandwest
    taiwannorth uaecentral uaenorth uksouth ukwest westcentralus westeurope westindia westus westus2 westus3
    chinaeast chinaeast2 chinaeast3 chinanorth chinanorth2 chinanorth3
    usdodcentral usdodeast usgovarizona usgovtexas usgovvirginia
    """
REGIONS = frozenset(_NAMES.split())


def canonical_region(location: str) -> str:
    """`West Europe` and `westeurope` → `westeurope`. Raises pulumi.RunError, in one line, for what is no region."""
    region = location.replace(" ", "").lower()
    if region in REGIONS:
        return region
    near = nearest(region, REGIONS)
    meant = f"did you mean {near}? " if near else ""
    raise pulumi.RunError(
        f"azure-native:location is {location!r}, which is no region of Azure; {meant}allowed: a name that "
        "`az account list-locations --query [].name` lists (one that is newer than this program goes into "
        "stack/regions.py)"
    )
