"""What an NFS server without a kernel's (nfs-ganesha) is told in the tests."""

CONFIGURATION = """\
NFS_CORE_PARAM {{
    Protocols = 4; NFS_Port = 2049; Enable_NLM = false; Enable_RQUOTA = false;
}}
NFSV4 {{
    Graceless = true; RecoveryRoot = "{folder}";
    Allow_Numeric_Owners = true; Only_Numeric_Owners = true;
}}
EXPORT {{
    Export_Id = 1; Path = "{path}"; Pseudo = "{pseudo}"; Protocols = 4; Transports = TCP;
    SecType = sys; Access_Type = NONE;
    FSAL {{ Name = VFS; }}
{clients}}}
"""
